"""What the HSM was asked and has not answered: messages that wait, and the commands they wait for.

A question is a message that has to prove something, or a reply that needs its MAC; it has one
command for each thing to be said. Knows neither sockets nor what a command says.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from switch._exchange_log cimport LineFacts
from switch._frames cimport Frame
from switch._kept cimport Kept
from switch._keyring cimport TerminalKeys
from switch._shard cimport Recall

cdef enum:
    QUESTIONS_MAX = 8192
    COMMANDS_MAX = 32768        # four for each: their number is the HSM's header, four hex digits

cdef struct Question:
    Kept kept                   # the message, or the reply; nothing = free
    Recall recall
    int32_t open                # commands that are not answered
    int32_t next_free
    uint8_t standing            # of the message
    uint8_t wanted              # what was to be said of the message, a bit for each Proof
    uint8_t seals               # it is a reply; what follows is of it
    uint8_t journaled
    size_t mac_at               # where its MAC goes
    const TerminalKeys *keys    # under which
    LineFacts line

cdef struct Command:
    int32_t question            # -1 = free
    int32_t next_free
    uint8_t proof               # what its answer says; 0 = the MAC of a reply
    uint8_t link
    int64_t sent_us

cdef struct Questions:
    Question *all
    Command *commands
    int32_t free_question       # -1 = none
    int32_t free_command
    int32_t count
    int32_t command_count

cdef int questions_open(Questions *questions) noexcept nogil
cdef void questions_clear(Questions *questions) noexcept nogil
cdef int32_t question_take(Questions *questions, int32_t place, uint32_t generation,
                           const Frame *frame, uint8_t envelope_bytes, int64_t received_us,
                           const Recall *recall) noexcept nogil
cdef void question_free(Questions *questions, int32_t number) noexcept nogil
cdef int32_t command_take(Questions *questions, int32_t question, uint8_t proof, int link,
                          int64_t now_us) noexcept nogil
cdef void command_free(Questions *questions, int32_t number) noexcept nogil
