"""Advice to the kernel and the processor about memory that is reached at random. Owns nothing.

With pages of 4 KiB most reaches into an array of megabytes miss the processor's address cache as
well as its data cache; in a virtual machine the first costs more than the second. So such arrays
ask for pages of 2 MiB (`transparent_hugepage` = madvise or always; with never nothing changes).
"""

cdef extern from *:
    """
    #include <sys/mman.h>
    #include <stdint.h>
    static void bashgah_on_large_pages(void *array, size_t bytes)
    {
        const uintptr_t page = (uintptr_t)1 << 21;
        uintptr_t first = ((uintptr_t)array + page - 1) & ~(page - 1);
        uintptr_t end = ((uintptr_t)array + bytes) & ~(page - 1);
        if (array != NULL && first < end)
            madvise((void *)first, end - first, MADV_HUGEPAGE);
    }
    static inline void bashgah_prefetch(const void *at) { __builtin_prefetch(at, 1); }
    """
    # Ask for large pages wherever whole ones fit into the array.
    void on_large_pages "bashgah_on_large_pages"(void *array, size_t bytes) nogil
    # Have a cache line come while something else is done.
    void prefetch "bashgah_prefetch"(const void *at) nogil
