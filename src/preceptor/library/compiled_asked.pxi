# What is asked of an index: a state's words as numbers of terms.

cdef enum:
    OWN = 4  # where a word's number as a strategy's own stands, behind those of the parts it may play
    FIT = 5  # those of the fit, from here on
    RARE = 11  # how rare the first five are
    WIDTH = 16  # of a row: 64 bytes, as much as is read at once


cdef float damped(float weight) noexcept:
    return weight if weight < 1 else 1 + <float>log(weight)


cdef Py_ssize_t number_of(dict numbers, object key, Py_ssize_t unknown) except -2:
    cdef PyObject* found = PyDict_GetItem(numbers, key)
    return unknown if found is NULL else <Py_ssize_t><object>found


cdef class Asked:
    """Numbers of terms with weights."""

    cdef int[::1] terms
    cdef float[::1] weights
    cdef Py_ssize_t count
    cdef bint whole
    """Whether a search adds up all of them."""

    def __init__(self):
        self.count = 0
        self.terms = np.empty(1, dtype=np.int32)
        self.weights = np.empty(1, dtype=np.float32)

    cdef int clear(self, Py_ssize_t room) except -1:
        """Nothing, with room for so many."""
        self.count = 0
        if self.terms.shape[0] < room:
            self.terms = np.empty(2 * room, dtype=np.int32)
            self.weights = np.empty(2 * room, dtype=np.float32)
        return 0

    cdef int put(self, int term, float weight, float rarity) except -1:
        self.terms[self.count] = term
        self.weights[self.count] = damped(weight) * rarity
        self.count += 1
        return 0

    cdef int scale(self) except -1:
        """To weights whose products with documents are cosines (``Postings.query``)."""
        cdef Py_ssize_t k
        cdef double length = 0
        cdef float factor
        for k in range(self.count):
            length += <double>self.weights[k] * self.weights[k]
        if length > 0:
            factor = <float>(1 / sqrt(length))
            for k in range(self.count):
                self.weights[k] *= factor
        return 0


cdef class Numbered:
    """What a state's words are asked as: a ``Vocabulary``, and the terms of a ``Fitting``. One state at a time."""

    cdef Rows rows
    cdef dict names, fit_names
    cdef const int[::1] named
    cdef float[::1] named_rarities
    cdef int[:, ::1] numbers
    """A row a word, so that what is known of it lies together: its numbers by the part it plays, as a strategy's
    own word, and in the fit (below 0: none)."""
    cdef float[:, ::1] rarities
    """The same rows: how rare each of the first is stands behind all."""
    cdef Sums sums
    cdef Asked states, own, fit
    cdef readonly object lock

    def __init__(self, words, numbers, names, named, fit, rarities):
        """``fit``: the numbers of a fit's terms; ``rarities``: of those that are asked of an index."""
        _within(numbers, len(rarities))
        _within(named, len(rarities))
        self.rows, self.names, self.named = Rows(words), names, named
        self.named_rarities = rarities[named]
        parts = ("c", "a", "r", "?", "hc", "ha")
        rows = np.full((len(words) + 1, WIDTH), -1, dtype=np.int32)
        rows[:, :OWN + 1] = numbers.reshape(OWN + 1, -1).T
        rows.view(np.float32)[:, RARE:] = rarities[rows[:, :OWN + 1]]
        self.fit_names = {}
        for term, number in fit.items():
            start, _, word = term.partition(":")
            if start in parts and word in words:
                rows[words[word], FIT + parts.index(start)] = number
            else:
                self.fit_names[term] = number
        self.numbers, self.rarities = rows, rows.view(np.float32)
        self.sums, self.states, self.own, self.fit = Sums(), Asked(), Asked(), Asked()
        self.lock = Lock()

    def query(self, heard):
        """What to ask of the states, then of the strategies' own words: the parts of a ``Query``."""
        with self.lock:
            self.read(heard)
            states, own = slice(self.states.count), slice(self.own.count)
            terms = np.concatenate([self.states.terms.base[states], self.own.terms.base[own]])
            weights = np.concatenate([self.states.weights.base[states], self.own.weights.base[own]])
            return terms, weights, (self.states.count, self.own.count)

    cdef int read(self, heard) except -1:
        """What to ask of the states, of the strategies' own words, and of the fit; by who holds the lock."""
        cdef Sums sums = self.sums
        cdef Py_ssize_t n, part, row
        cdef float plain, weight
        cdef dict actions = heard.actions, news = heard.news
        sums.clear()
        for part, said, weight in heard.spoken:
            sums.say(said, part, weight)
        for spoken in (actions, news):
            for name, weight in spoken.items():
                for word in name.replace("_", " ").split():
                    sums.name(word, weight)
        self.states.clear(PARTS * sums.count + len(actions) + len(news))
        self.own.clear(sums.count)
        self.fit.clear((PARTS + 2) * sums.count + len(actions) + len(news) + 1)
        for n in range(sums.count):
            sums.rows[n] = <int>self.rows.of(sums.codes[n])
            soon(&self.numbers[sums.rows[n], 0])
        for n in range(sums.count):
            row = sums.rows[n]
            plain = sums.weights[n, NAMES]
            for part in range(PARTS):
                weight = sums.weights[n, part]
                if weight < 0:
                    continue
                plain = max(plain, weight)
                self.states.put(self.numbers[row, part], weight, self.rarities[row, RARE + part])
                self.fit.put(self.numbers[row, FIT + part], weight, 1)
                if part < 2:
                    self.fit.put(self.numbers[row, FIT + OWN + part], 1, 1)
            self.own.put(self.numbers[row, OWN], plain, self.rarities[row, RARE + OWN])
        self._read_names("x:", actions)
        self._read_names("!:", news)
        if self.fit_names:
            self.fit.put(number_of(self.fit_names, f"n:{heard.far}", -1), FAR, 1)
        self.states.scale()
        self.own.scale()
        return 0

    cdef int _read_names(self, str start, dict names) except -1:
        cdef Py_ssize_t at
        cdef float weight
        for name, weight in names.items():
            at = number_of(self.names, start + name, self.named.shape[0] - 1)
            self.states.put(self.named[at], weight, self.named_rarities[at])
            if self.fit_names:
                self.fit.put(number_of(self.fit_names, start + name, -1), weight, 1)
        return 0
