"""What the HSM was asked. See `_questions.pxd`."""

from libc.stdlib cimport calloc, free
from libc.string cimport memset

from switch._kept cimport kept_forget, kept_put


cdef int questions_open(Questions *questions) noexcept nogil:
    """Take the places. 0, or -1 without memory."""
    cdef int32_t i
    memset(questions, 0, sizeof(Questions))
    questions.all = <Question *> calloc(QUESTIONS_MAX, sizeof(Question))
    questions.commands = <Command *> calloc(COMMANDS_MAX, sizeof(Command))
    if questions.all == NULL or questions.commands == NULL:
        return -1
    for i in range(QUESTIONS_MAX):
        questions.all[i].next_free = i + 1 if i + 1 < QUESTIONS_MAX else -1
    for i in range(COMMANDS_MAX):
        questions.commands[i].question = -1
        questions.commands[i].next_free = i + 1 if i + 1 < COMMANDS_MAX else -1
    return 0


cdef void questions_clear(Questions *questions) noexcept nogil:
    """Free everything."""
    cdef int32_t i
    for i in range(QUESTIONS_MAX if questions.all != NULL else 0):
        if questions.all[i].kept.body != NULL:
            question_free(questions, i)
    free(questions.all)
    free(questions.commands)
    memset(questions, 0, sizeof(Questions))


cdef int32_t question_take(Questions *questions, int32_t place, uint32_t generation,
                           const Frame *frame, uint8_t envelope_bytes, int64_t received_us,
                           const Recall *recall) noexcept nogil:
    """Keep a message or a reply. Its number, or -1 when too many wait already."""
    cdef int32_t number = questions.free_question
    cdef Question *question
    cdef Kept kept
    if number < 0 or not kept_put(&kept, place, generation, frame, envelope_bytes, received_us):
        return -1
    question = &questions.all[number]
    questions.free_question = question.next_free
    questions.count += 1
    memset(question, 0, sizeof(Question))
    question.kept = kept
    question.recall = recall[0]
    return number


cdef void question_free(Questions *questions, int32_t number) noexcept nogil:
    """Forget a question."""
    cdef Question *question = &questions.all[number]
    kept_forget(&question.kept)
    memset(question, 0, sizeof(Question))
    question.next_free = questions.free_question
    questions.free_question = number
    questions.count -= 1


cdef int32_t command_take(Questions *questions, int32_t question, uint8_t proof, int link,
                          int64_t now_us) noexcept nogil:
    """Take a number for a command of a question; there are enough for all questions."""
    cdef int32_t number = questions.free_command
    cdef Command *command = &questions.commands[number]
    questions.free_command = command.next_free
    questions.command_count += 1
    questions.all[question].open += 1
    command.question = question
    command.proof = proof
    command.link = <uint8_t> link
    command.sent_us = now_us
    return number


cdef void command_free(Questions *questions, int32_t number) noexcept nogil:
    """Give a command's number back."""
    cdef Command *command = &questions.commands[number]
    questions.all[command.question].open -= 1
    command.question = -1
    command.next_free = questions.free_command
    questions.free_command = number
    questions.command_count -= 1
