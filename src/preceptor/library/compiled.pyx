# cython: language_level=3, wraparound=False, cdivision=True, initializedcheck=False, auto_pickle=False, binding=False
"""Search by words in one walk over the index, for where this module was compiled (``preceptor.library.quick``).

The same answers as ``preceptor.library.index`` gives with numpy, which tells what each step means: there every step
is a call over whole arrays, of which a search makes some four hundred, each dearer than the few numbers that it
looks at. Bounds are checked here as there: a release's arrays are read from a file.
"""

cimport cython
from cpython.dict cimport PyDict_GetItem
from cpython.object cimport PyObject
from libc.math cimport log, pow, sqrt
from libc.string cimport memset

from threading import Lock

import numpy as np

from preceptor.library.conversation_state import FAR

cdef float ROUNDING = 1e-5
"""As in ``postings``."""
cdef float LEAST = 1e-30
"""As in ``scores``."""


cdef float damped(float weight) noexcept:
    return weight if weight < 1 else 1 + <float>log(weight)


cdef Py_ssize_t number_of(dict numbers, object key, Py_ssize_t unknown) except -2:
    cdef PyObject* found = PyDict_GetItem(numbers, key)
    return unknown if found is NULL else <Py_ssize_t><object>found


cdef class Top:
    """The highest values with their places, highest first; of equal ones those put first stay."""

    cdef readonly Py_ssize_t count
    cdef Py_ssize_t room
    cdef float[::1] values
    cdef long long[::1] places

    def __init__(self, Py_ssize_t room):
        self.room = room
        self.count = 0
        self.values = np.empty(room + 1, dtype=np.float32)
        self.places = np.empty(room + 1, dtype=np.int64)

    cdef float edge(self) except -1:
        """What a value must lie above."""
        return self.values[self.room - 1] if self.count == self.room else 0

    cdef int put(self, float value, Py_ssize_t place) except -1:
        cdef Py_ssize_t at = self.count
        if self.count == self.room:
            if value <= self.values[at - 1]:
                return 0
            at -= 1
        else:
            self.count += 1
        while at > 0 and self.values[at - 1] < value:
            self.values[at] = self.values[at - 1]
            self.places[at] = self.places[at - 1]
            at -= 1
        self.values[at] = value
        self.places[at] = place
        return 0


cdef class Held:
    """Documents with their terms, and terms with the documents that hold them: a ``Postings``."""

    cdef const float[::1] values, posting_values, common_length, rarities
    cdef const int[::1] terms, documents
    cdef const long long[::1] start, posting_start
    cdef const unsigned char[::1] common
    cdef readonly Py_ssize_t count
    cdef float[::1] wanted
    cdef float[::1] sums
    cdef readonly object lock

    def __init__(self, row_start, row_terms, row_values, posting_start, posting_documents, posting_values,
                 common, common_length, rarities):
        self.start, self.terms, self.values = row_start, row_terms, row_values
        self.posting_start, self.documents, self.posting_values = posting_start, posting_documents, posting_values
        self.common, self.common_length, self.rarities = common.view(np.uint8), common_length, rarities
        self.count = len(common_length)
        self.lock = Lock()  # of the room to add up in
        self.sums = None
        self.wanted = np.zeros(len(rarities), dtype=np.float32)

    cdef int want(self, const int[::1] terms, const float[::1] weights) except -1:
        """From here to :meth:`forget`, documents are compared with these."""
        cdef Py_ssize_t k
        for k in range(terms.shape[0]):
            self.wanted[terms[k]] = weights[k]
        return 0

    cdef int forget(self, const int[::1] terms) except -1:
        cdef Py_ssize_t k
        for k in range(terms.shape[0]):
            self.wanted[terms[k]] = 0
        return 0

    cdef float cosine(self, Py_ssize_t document) except -1:
        cdef const float[::1] values = self.values
        cdef const int[::1] terms = self.terms
        cdef float[::1] wanted = self.wanted
        cdef double total = 0
        cdef long long at
        for at in range(self.start[document], self.start[document + 1]):
            total += wanted[terms[at]] * values[at]
        return <float>total if total < 1 else 1

    def exact(self, const int[::1] terms, const float[::1] weights, const long long[::1] documents):
        """``Postings.exact``."""
        found = np.empty(documents.shape[0], dtype=np.float32)
        cdef float[::1] told = found
        cdef Py_ssize_t n
        with self.lock:
            self.want(terms, weights)
            try:
                for n in range(documents.shape[0]):
                    told[n] = self.cosine(documents[n])
            finally:
                self.forget(terms)
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
        cdef long long begin, end
        with self.lock:
            for one in range(count):
                begin, end = self.start[found[one]], self.start[found[one] + 1]
                self.want(self.terms[begin:end], self.values[begin:end])
                try:
                    total = 0
                    for n in range(voters.shape[0]):
                        cosine = self.cosine(voters[n])
                        total += cosine * cosine * votes[n]
                    told[one] = total
                    for other in range(one, count):
                        alike[one, other] = alike[other, one] = self.cosine(found[other])
                finally:
                    self.forget(self.terms[begin:end])
        return np.asarray(told), np.asarray(alike)


cdef class Asked:
    """Numbers of terms with weights."""

    cdef readonly int[::1] terms
    cdef readonly float[::1] weights
    cdef readonly Py_ssize_t count

    def __init__(self, Py_ssize_t room):
        self.terms = np.empty(room, dtype=np.int32)
        self.weights = np.empty(room, dtype=np.float32)
        self.count = 0

    cdef int put(self, int term, float weight) except -1:
        self.terms[self.count] = term
        self.weights[self.count] = weight
        self.count += 1
        return 0

    cdef int scale(self, Py_ssize_t start, const float[::1] rarities) except -1:
        """Those from ``start`` on, to weights whose products with documents are cosines (``Postings.query``)."""
        cdef Py_ssize_t k
        cdef double length = 0
        cdef float factor
        for k in range(start, self.count):
            self.weights[k] = damped(self.weights[k]) * rarities[self.terms[k]]
            length += <double>self.weights[k] * self.weights[k]
        if length > 0:
            factor = <float>(1 / sqrt(length))
            for k in range(start, self.count):
                self.weights[k] *= factor
        return 0


cdef class Numbered:
    """What a state's words are asked as: a ``Vocabulary``, and the terms of a ``Fitting``."""

    cdef dict words, names, fit_names
    cdef const int[::1] numbers, named
    cdef int[:, ::1] fit
    cdef Py_ssize_t width

    def __init__(self, words, numbers, names, named, fit):
        self.words, self.numbers, self.names, self.named = words, numbers, names, named
        self.width = len(words) + 1
        starts = ("c:", "a:", "r:", "?:", "hc:", "ha:")
        told = np.full((len(starts), self.width), -1, dtype=np.int32)
        self.fit_names = {}
        for term, number in fit.items():
            start, _, word = term.partition(":")
            if start + ":" in starts and word in words:
                told[starts.index(start + ":"), words[word]] = number
            else:
                self.fit_names[term] = number
        self.fit = told

    cdef tuple read(self, said, dict plain, Held held):
        """What to ask of the postings, how much of it of the states, and what of the fit."""
        cdef Py_ssize_t part, place, unknown = self.width - 1, size
        cdef dict spoken, words = self.words
        cdef double weight
        cdef const int[::1] numbers = self.numbers
        parts = (said.customer, said.agent, said.told, said.asked)
        size = len(said.actions) + len(said.news)
        for part in range(4):
            size += len(<dict>parts[part])
        cdef Asked asked = Asked(size + len(plain)), fit = Asked(2 * size + 1)
        for part in range(4):
            spoken = parts[part]
            for word, weight in spoken.items():
                place = number_of(words, word, unknown)
                asked.put(numbers[part * self.width + place], weight)
                fit.put(self.fit[part, place], weight)
                if part < 2:
                    fit.put(self.fit[part + 4, place], 1)
        for start, spoken in (("x:", said.actions), ("!:", said.news)):
            for word, weight in spoken.items():
                term = start + word
                asked.put(self.named[number_of(self.names, term, self.named.shape[0] - 1)], weight)
                fit.put(number_of(self.fit_names, term, -1), weight)
        fit.put(number_of(self.fit_names, f"n:{said.far}", -1), FAR)
        asked.scale(0, held.rarities)
        for word, weight in plain.items():
            place = number_of(words, word, unknown)
            asked.put(numbers[4 * self.width + place], weight)
        asked.scale(size, held.rarities)
        return asked, size, fit


cdef class Links:
    """What belongs to what: a ``Links``."""

    cdef const long long[::1] start
    cdef const int[::1] right
    cdef readonly Py_ssize_t rights

    def __init__(self, const long long[::1] start, const int[::1] right, Py_ssize_t rights):
        """``rights``: how many right ones there are. IndexError where one belongs that there is not."""
        cdef Py_ssize_t n
        for n in range(start.shape[0] - 1):
            if start[n] < 0 or start[n + 1] < start[n] or start[n + 1] > right.shape[0]:
                raise IndexError(n)
        for n in range(right.shape[0]):
            if right[n] < 0 or right[n] >= rights:
                raise IndexError(n)
        self.start, self.right, self.rights = start, right, rights


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
                weights[k] = damped(weights[k]) * self.idf[terms[k]]
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

    cdef float clear(self, Py_ssize_t row) except -1:
        cdef Py_ssize_t n
        cdef double total = 0
        for n in range(self.asked.shape[0]):
            total += self.seen[row, n] * self.asked[n]
        return <float>min(max(total * self.scale[row] + self.offset[row], 0), self.top)

    cdef float of(self, Py_ssize_t strategy) except -2:
        cdef float weakest = self.top
        cdef long long at
        if not self.told[strategy]:
            return -1
        for at in range(self.start[strategy], self.start[strategy + 1]):
            weakest = min(weakest, self.clear(self.conditions[at]))
        cdef float does = self.clear(self.seen.shape[0] - self.told.shape[0] + strategy)
        return min(weakest * weakest * (self.deed + does) / (self.top * self.top * (self.deed + self.top)), 1)


cdef class Search:
    """A ``StrategyIndex`` that is searched by words. One question at a time: the interpreter's lock is held."""

    cdef Numbered numbered
    cdef Held held, deeds
    cdef Links learned_in, taught
    cdef Fit fit
    cdef Py_ssize_t states, strategies, neighbours
    cdef const float[::1] worth
    cdef const unsigned char[::1] alone
    cdef float close, reach, sharpness
    cdef double trust
    cdef float[::1] high, known

    def __init__(self, Numbered numbered, Held held, Held deeds, Links learned_in, Links taught, Fit fit, worth, alone,
                 neighbours, sharpness, trust, close, reach):
        self.numbered, self.held, self.deeds, self.fit = numbered, held, deeds, fit
        self.learned_in, self.taught = learned_in, taught
        self.worth, self.alone = worth, alone.view(np.uint8)
        self.states, self.strategies = len(taught.start) - 1, len(worth)
        self.neighbours, self.sharpness, self.trust, self.close, self.reach = neighbours, sharpness, trust, close, reach
        if (held.count, deeds.count) != (self.states + self.strategies, self.strategies):
            raise IndexError(held.count)
        if (len(learned_in.start) - 1, learned_in.rights, taught.rights) != (self.strategies, self.states, self.strategies):
            raise IndexError(learned_in.rights)
        self.high = np.zeros(held.count + 1, dtype=np.float32)
        self.known = np.zeros(self.states + 1, dtype=np.float32)

    def find(self, said, dict plain, Py_ssize_t limit, float floor):
        """Of the best ``limit`` strategies: places, scores, what the words match, and their deeds' cosines."""
        cdef Asked asked, fit
        asked, split, fit = self.numbered.read(said, plain, self.held)
        with self.held.lock:
            self.held.want(asked.terms, asked.weights)
            try:
                self._ceilings(asked.terms, asked.weights, split)
                near = self._nearest()
                best = self._best(limit, floor)
            finally:
                self.held.forget(asked.terms)
            places, matches = np.asarray(best.places)[:best.count], np.asarray(best.values)[:best.count]
            told, alike = self.deeds.support(places, *self._votes(near, best))
            scores = matches.copy()
            if self.neighbours:
                self._agreed(scores, told)
            if self.fit is not None:
                self._fitted(scores, places, fit)
        return places, scores, matches, alike

    cdef int _ceilings(self, const int[::1] terms, const float[::1] weights, Py_ssize_t said) except -1:
        """What no document's score lies above (Cauchy-Schwarz over what many documents hold)."""
        cdef Held held = self.held
        cdef const long long[::1] start = held.posting_start
        cdef const int[::1] documents = held.documents
        cdef const float[::1] values = held.posting_values
        cdef float[::1] high = self.high
        cdef Py_ssize_t k
        cdef long long at
        cdef double first = 0, second = 0
        cdef float weight
        memset(&high[0], 0, high.shape[0] * sizeof(float))
        memset(&self.known[0], 0xBF, self.known.shape[0] * sizeof(float))  # below 0: not known yet
        for k in range(terms.shape[0]):
            weight = weights[k]
            if held.common[terms[k]]:
                if k < said:
                    first += <double>weight * weight
                else:
                    second += <double>weight * weight
                continue
            for at in range(start[terms[k]], start[terms[k] + 1]):
                high[documents[at]] += weight * values[at]
        self._raise(0, self.states, <float>sqrt(first))
        self._raise(self.states, held.count, <float>sqrt(second))
        return 0

    @cython.boundscheck(False)  # a plain pass, which the compiler then does several at once
    cdef int _raise(self, Py_ssize_t first, Py_ssize_t end, float length) except -1:
        cdef float[::1] high = self.high
        cdef const float[::1] common = self.held.common_length
        cdef Py_ssize_t n
        cdef float value
        if end > high.shape[0] or end > common.shape[0]:
            raise IndexError(end)
        for n in range(first, end):
            value = high[n] + common[n] * length + ROUNDING
            high[n] = value if value < 1 else 1
        return 0

    cdef float _like(self, Py_ssize_t state) except -1:
        if self.known[state] < 0:
            self.known[state] = self.held.cosine(state)
        return self.known[state]

    cdef Top _nearest(self):
        """The nearest states, of those at least so near that they have a say."""
        cdef Top top = Top(self.neighbours)
        cdef float[::1] high = self.high
        cdef Py_ssize_t n
        cdef float edge = 0, like
        if not self.neighbours:
            return top
        for n in range(self.states):
            if high[n] > edge:
                edge = high[n]
        edge = max(edge * self.close, ROUNDING)
        for n in range(self.states):
            if high[n] > edge:
                like = self._like(n)
                if like >= LEAST:
                    top.put(like, n)
                    edge = max(edge, top.edge())
        while top.count and top.values[top.count - 1] < self.reach * top.values[0]:
            top.count -= 1
        return top

    @cython.boundscheck(False)  # the links' bounds were looked at, as were the sizes
    cdef Top _best(self, Py_ssize_t limit, float floor):
        """The strategies that match best: by their best scenario, raised by their own words."""
        cdef Top top = Top(limit)
        cdef const long long[::1] start = self.learned_in.start
        cdef const int[::1] right = self.learned_in.right
        cdef const float[::1] worth = self.worth
        cdef float[::1] high = self.high
        cdef Py_ssize_t n, states = self.states
        cdef long long at, begin, end = start[0]
        cdef float most, own, edge = floor
        for n in range(self.strategies):
            begin, end = end, start[n + 1]
            most = 0
            for at in range(begin, end):
                if high[right[at]] > most:
                    most = high[right[at]]
            own = high[states + n] * worth[n]
            if own * (1 - most) + most < edge:
                continue
            most = 0
            for at in range(begin, end):
                most = max(most, self._like(right[at]))
            own = self.held.cosine(states + n) * worth[n]
            own = own * (1 - most) + most
            if own >= max(floor, LEAST):
                top.put(own, n)
                edge = max(floor, top.edge())
        return top

    cdef tuple _votes(self, Top near, Top best):
        """Who votes, and with what: what was learned in the nearest states; what was learned in none, for itself."""
        cdef Py_ssize_t n, count = 0
        cdef long long at, state
        for n in range(near.count):
            count += self.taught.start[near.places[n] + 1] - self.taught.start[near.places[n]]
        cdef long long[::1] voters = np.empty(count + best.count, dtype=np.int64)
        cdef float[::1] votes = np.empty(count + best.count, dtype=np.float32)
        count = 0
        for n in range(near.count):
            state = near.places[n]
            for at in range(self.taught.start[state], self.taught.start[state + 1]):
                voters[count], votes[count] = self.taught.right[at], pow(near.values[n], self.sharpness)
                count += 1
        for n in range(best.count):
            if self.alone[best.places[n]]:
                voters[count], votes[count] = best.places[n], pow(best.values[n], self.sharpness)
                count += 1
        return voters[:count], votes[:count]

    cdef int _agreed(self, float[::1] scores, const float[::1] told) except -1:
        cdef Py_ssize_t n
        cdef double most = 1e-9
        for n in range(told.shape[0]):
            most = max(most, told[n])
        cdef float factor = <float>(self.trust / most), least = <float>(1 - self.trust)
        for n in range(told.shape[0]):
            scores[n] *= told[n] * factor + least
        return 0

    cdef int _fitted(self, float[::1] scores, const long long[::1] places, Asked fit) except -1:
        """The geometric mean of likeness and fit; where nothing tells the fit, likeness stands for it."""
        cdef Py_ssize_t n
        cdef float likely
        if scores.shape[0]:
            self.fit.ask(fit)
        for n in range(scores.shape[0]):
            likely = self.fit.of(places[n])
            if likely >= 0:
                scores[n] = <float>sqrt(scores[n] * likely)
        return 0
