# Words of a state, each once, with the sums of their weights. A word is known by a code of 64 bits made of its
# letters: that any two of a million words have the same one is a chance of one in thirty millions.

cdef enum:
    PARTS = 4  # that a word may play in a state: said by the customer, by the agent, told by actions, asked of them
    NAMES = 4  # where the weight of a word stands that is only in the name of an action, behind those of the parts
    FIRST_ROOM = 256  # words, for which a state has room at first

cdef unsigned long long SEED = 0xcbf29ce484222325, PRIME = 0x100000001b3


cdef unsigned long long code_of(const unsigned char* letters, Py_ssize_t count) noexcept:
    """FNV-1a of 64 bits (Fowler, Noll, Vo); never 0."""
    cdef unsigned long long code = SEED
    cdef Py_ssize_t n
    for n in range(count):
        code = (code ^ letters[n]) * PRIME
    return code or 1


cdef unsigned long long code_of_word(str word) except 0:
    if PyUnicode_IS_ASCII(word):
        return code_of(<const unsigned char*>PyUnicode_1BYTE_DATA(word), PyUnicode_GET_LENGTH(word))
    cdef bytes letters = word.encode("utf-8", "surrogatepass")
    return code_of(letters, len(letters))


cdef Py_ssize_t room_for(Py_ssize_t count) noexcept:
    """Slots of a table that is at most half full: a power of 2."""
    cdef Py_ssize_t room = 16
    while room < 2 * count:
        room *= 2
    return room


cdef class Rows:
    """Which row is a word's. Codes and rows lie together, so that one look finds both."""

    cdef unsigned long long[:, ::1] slots
    cdef unsigned long long mask
    cdef Py_ssize_t unknown

    def __init__(self, words):
        """``words``: to their rows; the row of what is none of them is behind all."""
        cdef unsigned long long at, code
        cdef str word
        room = room_for(len(words))
        self.slots = np.zeros((room, 2), dtype=np.uint64)
        self.mask = room - 1
        self.unknown = len(words)
        for word, row in words.items():
            code = code_of_word(word)
            at = (code ^ (code >> 32)) & self.mask
            while self.slots[at, 0]:
                at = (at + 1) & self.mask
            self.slots[at, 0], self.slots[at, 1] = code, row

    @cython.boundscheck(False)
    cdef Py_ssize_t of(self, unsigned long long code) noexcept:
        cdef unsigned long long at = (code ^ (code >> 32)) & self.mask
        while self.slots[at, 0]:
            if self.slots[at, 0] == code:
                return self.slots[at, 1]
            at = (at + 1) & self.mask
        return self.unknown


cdef class Sums:
    """The words of one state after the other, in the order in which they came."""

    cdef unsigned long long[::1] codes
    cdef float[:, ::1] weights
    """By the part that the word plays, and at ``NAMES``; below 0: it does not play it."""
    cdef int[::1] rows
    """Of the words, for whoever looks them up."""
    cdef int[::1] slots
    cdef Py_ssize_t count, mask

    def __init__(self):
        self.count = 0
        self._make(FIRST_ROOM)

    cdef int _make(self, Py_ssize_t room) except -1:
        self.codes = np.zeros(room, dtype=np.uint64)
        self.weights = np.zeros((room, NAMES + 1), dtype=np.float32)
        self.rows = np.zeros(room, dtype=np.int32)
        self.slots = np.zeros(2 * room, dtype=np.int32)
        self.mask = 2 * room - 1
        return 0

    cdef int clear(self) except -1:
        self.count = 0
        memset(&self.slots[0], 0, self.slots.shape[0] * sizeof(int))
        return 0

    cdef int _grow(self) except -1:
        codes, weights = np.asarray(self.codes), np.asarray(self.weights)
        cdef Py_ssize_t n, count = self.count
        self._make(2 * codes.shape[0])
        self.count = 0
        for n in range(count):
            self._place(codes[n])
        np.asarray(self.weights)[:count] = weights
        return 0

    cdef Py_ssize_t _place(self, unsigned long long code) except -1:
        """Where the word stands, from now on if it did not before."""
        cdef Py_ssize_t n
        cdef unsigned long long at = (code ^ (code >> 32)) & self.mask
        while self.slots[at]:
            if self.codes[self.slots[at] - 1] == code:
                return self.slots[at] - 1
            at = (at + 1) & self.mask
        if self.count == self.codes.shape[0]:
            self._grow()
            return self._place(code)
        self.codes[self.count] = code
        for n in range(NAMES + 1):
            self.weights[self.count, n] = -1
        self.count += 1
        self.slots[at] = <int>self.count
        return self.count - 1

    cdef int add(self, unsigned long long code, Py_ssize_t part, float weight) except -1:
        cdef Py_ssize_t at = self._place(code)
        self.weights[at, part] = max(self.weights[at, part], 0) + weight
        return 0

    cdef int name(self, str word, float weight) except -1:
        """A word of an action's name."""
        cdef Py_ssize_t at = self._place(code_of_word(word))
        self.weights[at, NAMES] = max(self.weights[at, NAMES], weight)
        return 0

    cdef int say(self, said, Py_ssize_t part, float weight) except -1:
        """What was said, as a text or as its words."""
        cdef str word
        if isinstance(said, str):
            if self._spell(<str>said, part, weight):
                return 0
            said = spoken_words(said)
        for word in said:
            self.add(code_of_word(word), part, weight)
        return 0

    cdef int _spell(self, str text, Py_ssize_t part, float weight) except -1:
        """The words of a plain text, as ``conversation_state.words`` reads them; 0 where the text is another."""
        cdef Py_ssize_t n, size, count = PyUnicode_GET_LENGTH(text)
        if count > LONGEST_TEXT or not PyUnicode_IS_ASCII(text):
            return 0
        cdef const unsigned char* signs = <const unsigned char*>PyUnicode_1BYTE_DATA(text)
        for n in range(count):
            if signs[n] < 32 or signs[n] > 126:
                return 0
        n = 0
        while n < count:
            size = length_of(signs + n, count - n)
            # As in: don't.
            if size and n + size + 1 < count and signs[n + size] == 39 and SMALL[signs[n + size + 1]]:
                size += 1 + length_of(signs + n + size + 1, count - n - size - 1)
            if size:
                self.add(folded(signs + n, size), part, weight)
            n += size + 1
        return 1


cdef unsigned char SMALL[128]
"""Letters as small ones, and digits; 0: neither."""
for _sign in range(128):
    SMALL[_sign] = ord(chr(_sign).lower()) if chr(_sign).isalnum() else 0


cdef Py_ssize_t length_of(const unsigned char* signs, Py_ssize_t most) noexcept:
    """Letters and digits until there is another sign."""
    cdef Py_ssize_t n = 0
    while n < most and SMALL[signs[n]]:
        n += 1
    return n


cdef unsigned long long folded(const unsigned char* word, Py_ssize_t size) noexcept:
    """The code of a word in small letters, with digits and plurals folded."""
    cdef Py_ssize_t n
    cdef unsigned long long code = SEED
    if word[0] <= 57:  # 9
        return code_of(b"0", 1)
    if size > 3 and SMALL[word[size - 1]] == 115 and SMALL[word[size - 2]] != 115:  # s
        size -= 1
    for n in range(size):
        # The only other sign is the one of don't.
        code = (code ^ (SMALL[word[n]] or 39)) * PRIME
    return code or 1
