"""A fork of this process that writes a core's state into shared memory, and ends.

Owns what is safe in a fork of a process with many threads: the child runs system calls and
`image_write`, nothing of the interpreter, no allocation, no lock. Must not know what is done with
the state. Linux only, like the gate.

Theory of operation. The kernel shares every page of memory with the child until one of the two
writes it, so the child sees the core of one moment while the switch goes on. What the switch pays
is the copy of its page tables (the pause) and a copy of each page that it writes while the child
lives. The ring of details is left out of the child: it is large, always being written, and not in a
snapshot. The child shares the table of descriptors instead of having its own, and leaves it before
anything else: no connection is held open by it, and no port. It asks the kernel to be killed when
the switch dies; what it wrote is anonymous memory and is gone with the last of the two.
"""

from libc.errno cimport errno
from libc.stdint cimport uint8_t, uintptr_t

from switch._exchanges cimport Exchanges
from switch._image cimport Image, image_write
from switch._shard cimport Shard

cdef extern from *:
    """
    #include <sched.h>
    #include <signal.h>
    #include <sys/mman.h>
    #include <sys/prctl.h>
    #include <sys/resource.h>
    #include <sys/syscall.h>
    #include <unistd.h>

    #ifndef SYS_close_range
    #define SYS_close_range 436
    #endif
    #define BASHGAH_CLOSE_RANGE_UNSHARE 2

    /* A fork without the C library's handlers: they would take locks that other threads hold. */
    static int bashgah_fork(void)
    {
        return (int) syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
    }

    static int bashgah_leave_files(void)
    {
        return (int) syscall(SYS_close_range, 0U, ~0U, BASHGAH_CLOSE_RANGE_UNSHARE);
    }

    static void bashgah_block_signals(sigset_t *before)
    {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, before);
    }

    static void bashgah_restore_signals(const sigset_t *before)
    {
        pthread_sigmask(SIG_SETMASK, before, NULL);
    }
    """
    ctypedef struct sigset_t:
        pass
    enum:
        MADV_DOFORK
        MADV_DONTFORK
        PRIO_PROCESS
        PR_SET_NAME
        PR_SET_PDEATHSIG
        SIGKILL
    int bashgah_fork() nogil
    int bashgah_leave_files() nogil
    void bashgah_block_signals(sigset_t *before) nogil
    void bashgah_restore_signals(const sigset_t *before) nogil
    int getpid() nogil
    int getppid() nogil
    int madvise(void *address, size_t bytes, int advice) nogil
    int prctl(int option, unsigned long argument, unsigned long, unsigned long,
              unsigned long) nogil
    int setpriority(int which, int who, int niceness) nogil
    void _exit(int code) nogil

cdef enum:                      # how the child ends
    EXIT_WRITTEN = 0
    EXIT_ORPHAN = 1
    EXIT_FILES = 2
    EXIT_STATE = 3

EXITS = {EXIT_ORPHAN: "it was an orphan", EXIT_FILES: "it could not leave the descriptors",
         EXIT_STATE: "the book's lots are no lists, or there was too little room for them"}


def fork_image(Image image, int niceness):
    """Have a fork write the image. See `_fork.pyi`."""
    cdef Shard *shard = &image.core.shard
    cdef sigset_t before
    cdef int parent = getpid()
    cdef int pid, fault
    assert image.data != NULL, "the image is closed"
    assert shard.last_seq == image.last_seq, "the core has changed since"
    # Until the child has ended, a signal would be handled in both.
    bashgah_block_signals(&before)
    advise_details(&shard.exchanges, MADV_DONTFORK)
    pid = bashgah_fork()
    if pid == 0:
        run_child(shard, image.data, image.bytes, parent, niceness)
    fault = errno
    advise_details(&shard.exchanges, MADV_DOFORK)
    bashgah_restore_signals(&before)
    if pid < 0:
        raise OSError(fault, "the process could not be forked")
    return pid


cdef void advise_details(const Exchanges *all, int advice) noexcept nogil:
    """Say whether a fork gets the ring of details: the whole pages of it."""
    cdef uintptr_t first = (<uintptr_t> all.details + 4095) & ~<uintptr_t> 4095
    cdef uintptr_t end = (<uintptr_t> all.details + all.detail_capacity) & ~<uintptr_t> 4095
    if first < end:
        madvise(<void *> first, end - first, advice)    # refused: then it is copied, too


cdef void run_child(Shard *shard, uint8_t *data, size_t bytes, int parent,
                    int niceness) noexcept nogil:
    """Be the child: write the state and end. Does not return."""
    if prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 or getppid() != parent:
        _exit(EXIT_ORPHAN)
    if bashgah_leave_files() != 0:
        _exit(EXIT_FILES)
    prctl(PR_SET_NAME, <unsigned long> <const char *> b"bashgah-image", 0, 0, 0)
    setpriority(PRIO_PROCESS, 0, niceness)
    _exit(EXIT_WRITTEN if image_write(shard, data, bytes) == 0 else EXIT_STATE)
