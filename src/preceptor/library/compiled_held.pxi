def _rising(starts, count, *held):
    """Whether ``starts`` has the begins of ``count`` runs, and the end of the last, among all that is held."""
    if len(starts) != count + 1 or len(set(held)) > 1 or starts[0] != 0 or starts[count] != held[0]:
        raise IndexError(len(starts))
    if (starts[1:] < starts[:count]).any():
        raise IndexError(count)


def _within(numbers, count):
    if len(numbers) and (numbers.min() < 0 or numbers.max() >= count):
        raise IndexError(count)


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

    cdef float cosine(self, Py_ssize_t document) except -1:
        """With what is wanted."""
        if document < 0 or document >= self.count:
            raise IndexError(document)
        return self._cosine(document)

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
            self.want(&terms[0], &weights[0], count)
            try:
                for n in range(documents.shape[0]):
                    told[n] = self.cosine(documents[n])
            finally:
                self.forget(&terms[0], count)
        return found

    def gathered(self, const int[::1] terms, const float[::1] weights, Py_ssize_t most):
        """The documents of the first ``most`` postings of each of these terms, each once, and the sums of their
        weights there."""
        cdef Py_ssize_t k, n, seen = 0
        cdef long long at, begin
        cdef int document
        cdef long long[::1] documents = np.empty(most * terms.shape[0], dtype=np.int64)
        cdef float[::1] told
        with self.lock:
            if self.sums is None:
                self.sums = np.zeros(self.count, dtype=np.float32)
            try:
                for k in range(terms.shape[0]):
                    begin = self.posting_start[terms[k]]
                    for at in range(begin, min(self.posting_start[terms[k] + 1], begin + most)):
                        document = self.documents[at]
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
        """How far voters that are like each of the documents found agree on it: the sum of the votes, each times
        the squared cosine; and the cosines of those found with each other."""
        cdef Py_ssize_t one, other, n, count = found.shape[0]
        cdef float cosine, total
        cdef float[::1] told = np.empty(count, dtype=np.float32)
        cdef float[:, ::1] alike = np.empty((count, count), dtype=np.float32)
        cdef long long begin, size
        if not self.terms.shape[0]:
            return np.zeros(count, dtype=np.float32), np.zeros((count, count), dtype=np.float32)
        cdef const int* terms = &self.terms[0]
        cdef const float* values = &self.values[0]
        with self.lock:
            for one in range(count):
                begin, size = self.start[found[one]], self.start[found[one] + 1] - self.start[found[one]]
                self.want(terms + begin, values + begin, size)
                try:
                    total = 0
                    for n in range(voters.shape[0]):
                        cosine = self.cosine(voters[n])
                        total += cosine * cosine * votes[n]
                    told[one] = total
                    for other in range(one, count):
                        alike[one, other] = alike[other, one] = self.cosine(found[other])
                finally:
                    self.forget(terms + begin, size)
        return np.asarray(told), np.asarray(alike)
