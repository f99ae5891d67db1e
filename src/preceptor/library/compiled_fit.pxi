cdef class Fit:
    """How well strategies fit a situation: a ``Fitting``."""

    cdef const float[::1] idf, level, scale, offset
    cdef const float[:, ::1] map, seen
    cdef const int[::1] conditions
    cdef const long long[::1] start
    cdef const unsigned char[::1] told
    cdef float deed, top
    cdef double[::1] asked

    def __init__(self, idf, map, level, seen, scale, offset, conditions, start, told, float deed, float top):
        self.idf, self.map, self.level = idf, map, level
        self.seen, self.scale, self.offset = seen, scale, offset
        self.conditions, self.start, self.told = conditions, start, told.view(np.uint8)
        self.deed, self.top = deed, top
        self.asked = np.zeros(len(level), dtype=np.float64)

    cdef int ask(self, Asked fit) except -1:
        cdef const int[::1] terms = fit.terms
        cdef float[::1] weights = fit.weights
        cdef double[::1] asked = self.asked
        cdef const float[:, ::1] rows = self.map
        cdef Py_ssize_t k, n
        cdef double length = 0, weight
        for k in range(fit.count):
            if terms[k] >= 0:
                weights[k] *= self.idf[terms[k]]
                length += <double>weights[k] * weights[k]
        length = 1 / sqrt(length) if length > 0 else 0
        for n in range(asked.shape[0]):
            asked[n] = self.level[n]
        for k in range(fit.count):
            if terms[k] >= 0:
                weight = length * weights[k]
                for n in range(asked.shape[0]):
                    asked[n] += weight * rows[terms[k], n]
        return 0

    cdef float clear(self, Py_ssize_t row) except? -1:
        cdef Py_ssize_t n
        cdef double total = 0
        for n in range(self.asked.shape[0]):
            total += self.seen[row, n] * self.asked[n]
        return <float>min(max(total * self.scale[row] + self.offset[row], 0), self.top)

    cdef float of(self, Py_ssize_t strategy) except? -2:
        cdef float weakest = self.top
        cdef long long at
        if not self.told[strategy]:
            return -1
        for at in range(self.start[strategy], self.start[strategy + 1]):
            weakest = min(weakest, self.clear(self.conditions[at]))
        cdef float does = self.clear(self.seen.shape[0] - self.told.shape[0] + strategy)
        return min(weakest * weakest * (self.deed + does) / (self.top * self.top * (self.deed + self.top)), 1)
