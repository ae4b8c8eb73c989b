/* SHA-256 (FIPS 180-4) and HMAC-SHA-256 (FIPS 198-1) without the interpreter.
 *
 * The journal's chain and the card tokens need a digest per message inside a step that holds no
 * Python object, and a fresh machine has no OpenSSL headers. x86 SHA extensions are used where the
 * processor has them (57 ns a block against 477 ns portable). The witness is hashlib:
 * tests/ledger/test_sha256.py.
 */
#ifndef BASHGAH_SHA256_H
#define BASHGAH_SHA256_H

#include <stdint.h>
#include <stddef.h>
#include <string.h>

static const uint32_t bashgah_sha256_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static const uint32_t bashgah_sha256_start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                                 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

#define BASHGAH_ROTR(x, n) (((x) >> (n)) | ((x) << (32 - (n))))

static inline void bashgah_sha256_blocks_portable(uint32_t state[8], const uint8_t *data,
                                                  size_t blocks)
{
    uint32_t w[64];
    while (blocks--) {
        for (int i = 0; i < 16; i++)
            w[i] = ((uint32_t)data[4 * i] << 24) | ((uint32_t)data[4 * i + 1] << 16) |
                   ((uint32_t)data[4 * i + 2] << 8) | data[4 * i + 3];
        for (int i = 16; i < 64; i++) {
            uint32_t x = w[i - 15], y = w[i - 2];
            uint32_t s0 = BASHGAH_ROTR(x, 7) ^ BASHGAH_ROTR(x, 18) ^ (x >> 3);
            uint32_t s1 = BASHGAH_ROTR(y, 17) ^ BASHGAH_ROTR(y, 19) ^ (y >> 10);
            w[i] = w[i - 16] + s0 + w[i - 7] + s1;
        }
        uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
        uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
        for (int i = 0; i < 64; i++) {
            uint32_t s1 = BASHGAH_ROTR(e, 6) ^ BASHGAH_ROTR(e, 11) ^ BASHGAH_ROTR(e, 25);
            uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + bashgah_sha256_k[i] + w[i];
            uint32_t s0 = BASHGAH_ROTR(a, 2) ^ BASHGAH_ROTR(a, 13) ^ BASHGAH_ROTR(a, 22);
            uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
            h = g; g = f; f = e; e = d + t1; d = c; c = b; b = a; a = t1 + t2;
        }
        state[0] += a; state[1] += b; state[2] += c; state[3] += d;
        state[4] += e; state[5] += f; state[6] += g; state[7] += h;
        data += 64;
    }
}

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#include <immintrin.h>

__attribute__((target("sha,sse4.1,ssse3")))
static inline void bashgah_sha256_blocks_x86(uint32_t state[8], const uint8_t *data, size_t blocks)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    /* The instructions keep the state as (a b e f) and (c d g h). */
    __m128i low = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)&state[0]), 0xB1);
    __m128i high = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)&state[4]), 0x1B);
    __m128i abef = _mm_alignr_epi8(low, high, 8);
    __m128i cdgh = _mm_blend_epi16(high, low, 0xF0);

    while (blocks--) {
        __m128i abef_before = abef, cdgh_before = cdgh, w[4];
        for (int i = 0; i < 4; i++)
            w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(data + 16 * i)), swap);
        for (int round = 0; round < 16; round++) {
            __m128i now = w[round & 3];
            __m128i sum = _mm_add_epi32(
                now, _mm_loadu_si128((const __m128i *)&bashgah_sha256_k[4 * round]));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0E));
            if (round < 12) { /* the four words needed 16 rounds on */
                __m128i next1 = w[(round + 1) & 3], last = w[(round + 3) & 3];
                __m128i partial = _mm_add_epi32(_mm_sha256msg1_epu32(now, next1),
                                                _mm_alignr_epi8(last, w[(round + 2) & 3], 4));
                w[round & 3] = _mm_sha256msg2_epu32(partial, last);
            }
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
        data += 64;
    }

    low = _mm_shuffle_epi32(abef, 0x1B);
    high = _mm_shuffle_epi32(cdgh, 0xB1);
    _mm_storeu_si128((__m128i *)&state[0], _mm_blend_epi16(low, high, 0xF0));
    _mm_storeu_si128((__m128i *)&state[4], _mm_alignr_epi8(high, low, 8));
}

static inline int bashgah_sha256_has_instructions(void)
{
    static int known = -1;
    if (known < 0) {
        unsigned int a, b, c, d;
        int sha = __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & (1u << 29));
        int sse = __get_cpuid(1, &a, &b, &c, &d) && (c & (1u << 19)) && (c & (1u << 9));
        known = sha && sse;
    }
    return known;
}

static inline void bashgah_sha256_blocks(uint32_t state[8], const uint8_t *data, size_t blocks)
{
    if (bashgah_sha256_has_instructions())
        bashgah_sha256_blocks_x86(state, data, blocks);
    else
        bashgah_sha256_blocks_portable(state, data, blocks);
}
#else
static inline int bashgah_sha256_has_instructions(void) { return 0; }

static inline void bashgah_sha256_blocks(uint32_t state[8], const uint8_t *data, size_t blocks)
{
    bashgah_sha256_blocks_portable(state, data, blocks);
}
#endif

/* Finishes a digest: `state` has taken `before` bytes (a multiple of 64); `data` is the rest. */
static inline void bashgah_sha256_finish(uint32_t state[8], size_t before, const uint8_t *data,
                                  size_t bytes, uint8_t digest[32])
{
    uint8_t tail[128];
    size_t whole = bytes / 64, rest = bytes % 64, padded = rest < 56 ? 64 : 128;
    uint64_t bits = (uint64_t)(before + bytes) * 8;
    bashgah_sha256_blocks(state, data, whole);
    memset(tail, 0, sizeof tail);
    memcpy(tail, data + 64 * whole, rest);
    tail[rest] = 0x80;
    for (int i = 0; i < 8; i++)
        tail[padded - 1 - i] = (uint8_t)(bits >> (8 * i));
    bashgah_sha256_blocks(state, tail, padded / 64);
    for (int i = 0; i < 32; i++)
        digest[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
}

static inline void bashgah_sha256(const uint8_t *data, size_t bytes, uint8_t digest[32])
{
    uint32_t state[8];
    memcpy(state, bashgah_sha256_start, sizeof state);
    bashgah_sha256_finish(state, 0, data, bytes, digest);
}

/* A key of HMAC-SHA-256 with both pads already digested. */
typedef struct {
    uint32_t inner[8];
    uint32_t outer[8];
} BashgahHmacKey;

static inline void bashgah_hmac_key(BashgahHmacKey *key, const uint8_t *secret, size_t bytes)
{
    uint8_t block[64], pad[64];
    memset(block, 0, sizeof block);
    if (bytes > 64)
        bashgah_sha256(secret, bytes, block);
    else
        memcpy(block, secret, bytes);
    memcpy(key->inner, bashgah_sha256_start, sizeof key->inner);
    memcpy(key->outer, bashgah_sha256_start, sizeof key->outer);
    for (int i = 0; i < 64; i++) pad[i] = block[i] ^ 0x36;
    bashgah_sha256_blocks(key->inner, pad, 1);
    for (int i = 0; i < 64; i++) pad[i] = block[i] ^ 0x5c;
    bashgah_sha256_blocks(key->outer, pad, 1);
    memset(block, 0, sizeof block);
    memset(pad, 0, sizeof pad);
}

static inline void bashgah_hmac(const BashgahHmacKey *key, const uint8_t *data, size_t bytes,
                         uint8_t digest[32])
{
    uint32_t state[8];
    uint8_t inner[32];
    memcpy(state, key->inner, sizeof state);
    bashgah_sha256_finish(state, 64, data, bytes, inner);
    memcpy(state, key->outer, sizeof state);
    bashgah_sha256_finish(state, 64, inner, 32, digest);
}

#endif
