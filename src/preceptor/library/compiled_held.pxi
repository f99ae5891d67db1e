cdef enum:
    AHEAD = 8  # documents that are fetched before they are asked
    LINE = 16  # numbers of 32 bits that are fetched at once


def _rising(starts, count, *held):
    """Whether ``starts`` has the begins of ``count`` runs, and the end of the last, among all that is held."""
    if len(starts) != count + 1 or len(set(held)) > 1 or starts[0] != 0 or starts[count] != held[0]:
        raise IndexError(len(starts))
    if (starts[1:] < starts[:count]).any():
        raise IndexError(count)


def _within(numbers, count):
    if len(numbers) and (numbers.min() < 0 or numbers.max() >= count):
        raise IndexError(count)


cdef class Ranked:
    """Places with values, as they come or highest first."""

    cdef Py_ssize_t count, most
    cdef float[::1] values
    cdef long long[::1] places

    def __init__(self):
        self.clear(1)

    cdef int clear(self, Py_ssize_t most) except -1:
        """Nothing, with room for so many."""
        self.count, self.most = 0, most
        if self.places is None or self.places.shape[0] < most:
            self.values = np.empty(2 * most, dtype=np.float32)
            self.places = np.empty(2 * most, dtype=np.int64)
        return 0

    cdef int add(self, float value, Py_ssize_t place) except -1:
        """Behind all others."""
        self.values[self.count], self.places[self.count] = value, place
        self.count += 1
        return 0

    cdef float edge(self) except? -1:
        """What a value must reach to be put."""
        return self.values[self.most - 1] if self.count == self.most else 0

    cdef int put(self, float value, Py_ssize_t place) except -1:
        """Where it belongs, unless there are enough higher ones: of equal ones the first places stand first."""
        cdef Py_ssize_t at = self.count
        if self.count == self.most:
            at -= 1
            if not self._before(value, place, at):
                return 0
        else:
            self.count += 1
        while at > 0 and self._before(value, place, at - 1):
            self.values[at] = self.values[at - 1]
            self.places[at] = self.places[at - 1]
            at -= 1
        self.values[at] = value
        self.places[at] = place
        return 0

    cdef int _before(self, float value, Py_ssize_t place, Py_ssize_t at) except -1:
        return value > self.values[at] or (value == self.values[at] and place < self.places[at])


cdef class Held:
    """Documents with their terms, and terms with the documents that hold them: a ``Postings``."""

    cdef const float[::1] values, posting_values, common_length, rarities
    cdef const int[::1] terms, documents
    cdef const long long[::1] start, posting_start
    cdef long long[:, ::1] rare
    """Per term, where the postings begin and end that ceilings add up; it ends at -1 where there are too many."""
    cdef readonly Py_ssize_t count
    cdef float[::1] wanted
    cdef float[::1] sums
    cdef readonly object lock

    def __init__(self, row_start, row_terms, row_values, posting_start, posting_documents, posting_values,
                 common, common_length, rarities):
        """IndexError where a number in one array leads beyond the end of another: the loops below rely on it."""
        count, terms = len(common_length), len(rarities)
        _rising(row_start, count, len(row_terms), len(row_values))
        _rising(posting_start, terms, len(posting_documents), len(posting_values))
        _within(row_terms, terms)
        _within(posting_documents, count)
        self.start, self.terms, self.values = row_start, row_terms, row_values
        self.posting_start, self.documents, self.posting_values = posting_start, posting_documents, posting_values
        self.common_length, self.rarities = common_length, rarities
        rare_end = np.where(common, -1, posting_start[1:])
        self.rare = np.stack([posting_start[:len(posting_start) - 1], rare_end], axis=1)
        self.count = len(common_length)
        self.lock = Lock()  # of the room to add up in
        self.sums = None
        self.wanted = np.zeros(len(rarities), dtype=np.float32)

    cdef int want(self, const int* terms, const float* weights, Py_ssize_t count) except -1:
        """From here to :meth:`forget`, documents are compared with these."""
        cdef Py_ssize_t k
        for k in range(count):
            self.wanted[terms[k]] = weights[k]
        return 0

    cdef int forget(self, const int* terms, Py_ssize_t count) except -1:
        cdef Py_ssize_t k
        for k in range(count):
            self.wanted[terms[k]] = 0
        return 0

    cdef float cosine(self, Py_ssize_t document) except? -1:
        """With what is wanted."""
        if document < 0 or document >= self.count:
            raise IndexError(document)
        return self._cosine(document)

    cdef int ahead(self, Py_ssize_t document) except -1:
        """Its cosine is asked soon."""
        cdef long long begin = self.start[document]
        if self.terms.shape[0]:
            soon(&self.terms[0] + begin)
            soon(&self.values[0] + begin)
            soon(&self.terms[0] + begin + LINE)
            soon(&self.values[0] + begin + LINE)
        return 0

    @cython.boundscheck(False)
    cdef float _cosine(self, Py_ssize_t document) noexcept:
        cdef const float* values = &self.values[0]
        cdef const int* terms = &self.terms[0]
        cdef float* wanted = &self.wanted[0]
        cdef double total = 0
        cdef long long at
        for at in range(self.start[document], self.start[document + 1]):
            total += wanted[terms[at]] * values[at]
        return <float>total if total < 1 else 1

    def exact(self, const int[::1] terms, const float[::1] weights, const long long[::1] documents):
        """``Postings.exact``."""
        found = np.zeros(documents.shape[0], dtype=np.float32)
        cdef float[::1] told = found
        cdef Py_ssize_t n, count = min(terms.shape[0], weights.shape[0])
        if not count:
            return found
        with self.lock:
            try:
                self.want(&terms[0], &weights[0], count)
                for n in range(documents.shape[0]):
                    soon(&self.start[documents[n]])
                for n in range(documents.shape[0]):
                    if n + AHEAD < documents.shape[0]:
                        self.ahead(documents[n + AHEAD])
                    told[n] = self.cosine(documents[n])
            finally:
                self.forget(&terms[0], count)
        return found

    def gathered(self, const int[::1] terms, const float[::1] weights, Py_ssize_t most):
        """The documents of the first ``most`` postings of each of these terms, each once, and the sums of their
        weights there."""
        cdef Py_ssize_t k, n, seen = 0
        cdef long long at, begin, end
        cdef int document
        cdef long long[::1] documents = np.empty(most * terms.shape[0], dtype=np.int64)
        cdef float[::1] told
        with self.lock:
            if self.sums is None:
                self.sums = np.zeros(self.count, dtype=np.float32)
            try:
                for k in range(terms.shape[0]):
                    begin = self.posting_start[terms[k]]
                    end = min(self.posting_start[terms[k] + 1], begin + most)
                    for at in range(begin, end):
                        document = self.documents[at]
                        if at + AHEAD < end:
                            soon(&self.sums[self.documents[at + AHEAD]])
                        if self.sums[document] == 0:
                            documents[seen] = document
                            seen += 1
                        self.sums[document] += max(weights[k] * self.posting_values[at], LEAST)
                told = np.empty(seen, dtype=np.float32)
                for n in range(seen):
                    told[n] = self.sums[documents[n]]
                    self.sums[documents[n]] = 0
            except BaseException:
                self.sums = None  # half a question's sums are in it
                raise
        return np.asarray(documents)[:seen], np.asarray(told)

    def support(self, const long long[::1] found, const long long[::1] voters, const float[::1] votes):
        """``Postings.support``."""
        cdef Ranked some = Ranked(), who = Ranked(), told = Ranked()
        cdef Py_ssize_t n
        some.clear(found.shape[0])
        for n in range(found.shape[0]):
            some.add(0, found[n])
        who.clear(voters.shape[0])
        for n in range(voters.shape[0]):
            who.add(votes[n], voters[n])
        with self.lock:
            alike = self.weigh(some, who, told)
        return np.asarray(told.values)[:some.count], alike

    cdef object weigh(self, Ranked found, Ranked votes, Ranked told):
        """How far voters that are like each of the documents found agree on it, into ``told``: the sum of the
        votes, each times the squared cosine; and the cosines of those found with each other. By who holds the
        lock."""
        cdef Py_ssize_t one, other, n
        cdef float cosine
        cdef double total
        table = np.zeros((found.count, found.count), dtype=np.float32)
        cdef float[:, ::1] alike = table
        cdef const int* terms
        cdef const float* values
        cdef long long begin, size
        told.clear(found.count)
        for one in range(found.count):
            told.add(0, found.places[one])
        if not self.terms.shape[0]:
            return table
        terms, values = &self.terms[0], &self.values[0]
        for n in range(found.count):
            self.ahead(found.places[n])
        for n in range(votes.count):
            self.ahead(votes.places[n])
        for one in range(found.count):
            begin = self.start[found.places[one]]
            size = self.start[found.places[one] + 1] - begin
            self.want(terms + begin, values + begin, size)
            try:
                total = 0
                for n in range(votes.count):
                    cosine = self.cosine(votes.places[n])
                    total += cosine * cosine * votes.values[n]
                told.values[one] = total
                for other in range(one, found.count):
                    alike[one, other] = alike[other, one] = self.cosine(found.places[other])
            finally:
                self.forget(terms + begin, size)
        return table
