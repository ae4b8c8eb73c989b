/* Fixed-size dice: splitmix64's finaliser, and a 64-bit digest of bytes by folded multiplication.
   Owns no state. Reads bytes in the machine's order: digests are for one run on one machine. */
#ifndef BASHGAH_LOADTEST_DICE_H
#define BASHGAH_LOADTEST_DICE_H

#include <stdint.h>
#include <string.h>

static inline uint64_t dice_mix(uint64_t value) {
    value += 0x9E3779B97F4A7C15ULL;
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ULL;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBULL;
    return value ^ (value >> 31);
}

static inline uint64_t dice_fold(uint64_t a, uint64_t b) {
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t dice_digest(const uint8_t *data, size_t bytes, uint64_t seed) {
    uint64_t word = 0;
    seed ^= dice_fold((uint64_t)bytes ^ 0x8EBC6AF09C88C6E3ULL, 0x589965CC75374CC3ULL);
    while (bytes >= 8) {
        memcpy(&word, data, 8);
        seed = dice_fold(seed ^ word, 0x1D8E4E27C47D124FULL ^ (seed >> 32));
        data += 8;
        bytes -= 8;
    }
    word = 0;
    memcpy(&word, data, bytes);
    return dice_mix(seed ^ dice_fold(word ^ 0xEB44ACCAB455D165ULL, 0x9E3779B97F4A7C15ULL));
}

#endif
