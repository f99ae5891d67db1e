# cython: language_level=3, wraparound=False, cdivision=True, initializedcheck=False, auto_pickle=False, binding=False
"""Search by words in one walk over the index, for where this module was compiled (``preceptor.library.quick``).

The same answers as ``preceptor.library.index`` gives with numpy, which tells what each step means: there every step
is a call over whole arrays, of which a search makes some four hundred, each dearer than the few numbers that it
looks at. A release's arrays are read from a file: that no number in them leads beyond an end is seen to once, when
they are taken up, for the inner loops, and at each step elsewhere.
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
cdef enum:
    OWN = 4  # where a word's number as a strategy's own stands, behind those of the parts it may play
    FIT = 5  # those of the fit, from here on
    BLOCK = 64  # strategies whose ceilings are told at once
    RARE = 11  # how rare the first five are


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
        self.rare = np.stack([posting_start[:len(posting_start) - 1], np.where(common, -1, posting_start[1:])], axis=1)
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

    cdef int[::1] room
    cdef float[::1] weighted
    cdef Py_ssize_t count

    def __init__(self, Py_ssize_t room):
        self.room = np.empty(room, dtype=np.int32)
        self.weighted = np.empty(room, dtype=np.float32)
        self.count = 0

    cdef int put(self, int term, float weight, float rarity) except -1:
        self.room[self.count] = term
        self.weighted[self.count] = damped(weight) * rarity
        self.count += 1
        return 0

    cdef int[::1] terms(self):
        return self.room[:self.count]

    cdef float[::1] weights(self):
        return self.weighted[:self.count]

    cdef int scale(self) except -1:
        """To weights whose products with documents are cosines (``Postings.query``)."""
        cdef float[::1] weights = self.weights()
        cdef Py_ssize_t k
        cdef double length = 0
        cdef float factor
        for k in range(weights.shape[0]):
            length += <double>weights[k] * weights[k]
        if length > 0:
            factor = <float>(1 / sqrt(length))
            for k in range(weights.shape[0]):
                weights[k] *= factor
        return 0


cdef class Numbered:
    """What a state's words are asked as: a ``Vocabulary``, and the terms of a ``Fitting``."""

    cdef dict words, names, fit_names
    cdef const int[::1] named
    cdef int[:, ::1] numbers
    """A row a word, so that what is known of it lies together: its numbers by the part it plays, as a strategy's own
    word, and in the fit (below 0: none)."""
    cdef float[:, ::1] rarities
    """The same rows: how rare each of the first is stands behind all."""

    def __init__(self, words, numbers, names, named, fit, rarities):
        _within(numbers, len(rarities))
        _within(named, len(rarities))
        self.words, self.names, self.named = words, names, named
        starts = ("c", "a", "r", "?", "hc", "ha")
        rows = np.full((len(words) + 1, 16), -1, dtype=np.int32)  # of 64 bytes, as much as is read at once
        rows[:, :OWN + 1] = numbers.reshape(OWN + 1, -1).T
        rows.view(np.float32)[:, RARE:] = rarities[rows[:, :OWN + 1]]
        self.fit_names = {}
        for term, number in fit.items():
            start, _, word = term.partition(":")
            if start in starts and word in words:
                rows[words[word], FIT + starts.index(start)] = number
            else:
                self.fit_names[term] = number
        self.numbers, self.rarities = rows, rows.view(np.float32)

    cdef tuple read(self, said, dict plain, Held held):
        """What to ask of the states, of the strategies' own words, and of the fit."""
        cdef int[:, ::1] numbers = self.numbers
        cdef Py_ssize_t part, row, unknown = numbers.shape[0] - 1, size
        cdef dict spoken
        cdef list parts = [said.customer, said.agent, said.told, said.asked]
        cdef double weight
        cdef PyObject* found
        size = sum([len(spoken) for spoken in parts]) + len(said.actions) + len(said.news)
        cdef Asked states = Asked(size), own = Asked(len(plain)), fit = Asked(2 * size + 1)
        for word, weight in plain.items():  # all words of all parts
            row = number_of(self.words, word, unknown)
            own.put(numbers[row, OWN], weight, self.rarities[row, RARE + OWN])
            for part in range(OWN):
                found = PyDict_GetItem(<dict>parts[part], word)
                if found is not NULL:
                    weight = <object>found
                    states.put(numbers[row, part], weight, self.rarities[row, RARE + part])
                    fit.put(numbers[row, FIT + part], weight, 1)
                    if part < 2:
                        fit.put(numbers[row, FIT + OWN + part], 1, 1)
        for start, spoken in (("x:", said.actions), ("!:", said.news)):
            for word, weight in spoken.items():
                term = start + word
                row = self.named[number_of(self.names, term, self.named.shape[0] - 1)]
                states.put(row, weight, held.rarities[row])
                fit.put(number_of(self.fit_names, term, -1), weight, 1)
        fit.put(number_of(self.fit_names, f"n:{said.far}", -1), FAR, 1)
        states.scale()
        own.scale()
        return states, own, fit


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
        cdef const int[::1] terms = fit.terms()
        cdef float[::1] weights = fit.weights()
        cdef double[::1] asked = self.asked
        cdef const float[:, ::1] rows = self.map
        cdef Py_ssize_t k, n
        cdef double length = 0, weight
        for k in range(terms.shape[0]):
            if terms[k] >= 0:
                weights[k] *= self.idf[terms[k]]
                length += <double>weights[k] * weights[k]
        length = 1 / sqrt(length) if length > 0 else 0
        for n in range(asked.shape[0]):
            asked[n] = self.level[n]
        for k in range(terms.shape[0]):
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
    cdef float reach, sharpness
    cdef double trust
    cdef float[::1] high
    """Per document what no score lies above, and behind them the same of no document, and of several."""
    cdef int[::1] only
    """Per strategy where its scenario's stands in ``high``."""
    cdef unsigned char[::1] known

    def __init__(self, Numbered numbered, Held held, Held deeds, Links learned_in, Links taught, Fit fit, worth, alone,
                 neighbours, sharpness, trust, reach):
        self.numbered, self.held, self.deeds, self.fit = numbered, held, deeds, fit
        self.learned_in, self.taught = learned_in, taught
        self.worth, self.alone = worth, alone.view(np.uint8)
        self.states, self.strategies = len(taught.start) - 1, len(worth)
        self.neighbours, self.sharpness, self.trust, self.reach = neighbours, sharpness, trust, reach
        if (held.count, deeds.count) != (self.states + self.strategies, self.strategies):
            raise IndexError(held.count)
        if (len(learned_in.start) - 1, learned_in.rights, taught.rights) != (self.strategies, self.states, self.strategies):
            raise IndexError(learned_in.rights)
        self.high = np.zeros(held.count + 2, dtype=np.float32)
        self.high[held.count + 1] = 1
        self.only = np.full(self.strategies + 1, held.count, dtype=np.int32)
        cdef Py_ssize_t n
        for n in range(self.strategies):
            if learned_in.start[n + 1] - learned_in.start[n] == 1:
                self.only[n] = learned_in.right[learned_in.start[n]]
            elif learned_in.start[n + 1] > learned_in.start[n]:
                self.only[n] = held.count + 1
        self.known = np.zeros(self.states + 1, dtype=np.uint8)

    def find(self, said, dict plain, Py_ssize_t limit, float floor):
        """Of the best ``limit`` strategies: places, scores, what the words match, and their deeds' cosines."""
        cdef Asked states, own, fit
        states, own, fit = self.numbered.read(said, plain, self.held)
        with self.held.lock:
            self.held.want(states.terms(), states.weights())
            try:
                self.held.want(own.terms(), own.weights())
                memset(&self.known[0], 0, self.known.shape[0])
                self._bound(0, self.states, self._common(states.terms(), states.weights()))
                self._bound(self.states, self.held.count, self._common(own.terms(), own.weights()))
                self._add(states.terms(), states.weights())
                self._add(own.terms(), own.weights())
                near = self._nearest()
                best = self._best(limit, floor)
            finally:
                self.held.forget(states.terms())
                self.held.forget(own.terms())
            places, matches = np.asarray(best.places)[:best.count], np.asarray(best.values)[:best.count]
            told, alike = self.deeds.support(places, *self._votes(near, best))
            scores = matches.copy()
            if self.neighbours:
                self._agreed(scores, told)
            if self.fit is not None:
                self._fitted(scores, places, fit)
        return places, scores, matches, alike

    cdef float _common(self, const int[::1] terms, const float[::1] weights) except -1:
        """The length of what is asked of the terms that many documents hold."""
        cdef Py_ssize_t k
        cdef double square = 0
        for k in range(terms.shape[0]):
            if self.held.rare[terms[k], 1] < 0:
                square += <double>weights[k] * weights[k]
        return <float>sqrt(square)

    @cython.boundscheck(False)  # plain passes, of which the compiler then does several steps at once
    cdef int _bound(self, Py_ssize_t first, Py_ssize_t end, float length) noexcept:
        """What these terms add to no document's score is above this (Cauchy-Schwarz)."""
        cdef float* high = &self.high[0]
        cdef const float* common = &self.held.common_length[0]
        cdef Py_ssize_t n
        for n in range(first, end):
            high[n] = common[n] * length + ROUNDING
        return 0

    @cython.boundscheck(False)  # ``Held`` and ``Numbered`` looked at what these lead to
    cdef int _add(self, const int[::1] terms, const float[::1] weights) except -1:
        """Adds up the terms that few documents hold: then no score lies above ``high``."""
        cdef Held held = self.held
        cdef float* high = &self.high[0]
        cdef const int* documents = &held.documents[0]
        cdef const float* values = &held.posting_values[0]
        cdef Py_ssize_t k
        cdef long long at
        cdef float weight
        for k in range(terms.shape[0]):
            weight = weights[k]
            for at in range(held.rare[terms[k], 0], held.rare[terms[k], 1]):
                high[documents[at]] += weight * values[at]
        return 0

    cdef float _like(self, Py_ssize_t state) except -1:
        """The score itself, which from then on stands where its ceiling did."""
        if not self.known[state]:
            self.high[state] = self.held.cosine(state)
            self.known[state] = 1
        return self.high[state]

    @cython.boundscheck(False)  # ``high`` is longer than there are states
    cdef Top _nearest(self):
        """The nearest states, of those at least so near that they have a say."""
        cdef Top top = Top(self.neighbours)
        cdef float[::1] high = self.high
        cdef Py_ssize_t n, promising = 0
        cdef float edge = 0, like
        if not self.neighbours:
            return top
        for n in range(self.states):
            if high[n] > edge:
                edge, promising = high[n], n
        # A ceiling may lie far above all scores: only a score itself tells from where others have no say.
        edge = max(self._like(promising) * self.reach, ROUNDING) if edge else ROUNDING
        for n in range(self.states):
            if high[n] > edge:
                like = self._like(n)
                if like >= LEAST:
                    top.put(like, n)
                    edge = max(edge, top.edge())
        while top.count and top.values[top.count - 1] < self.reach * top.values[0]:
            top.count -= 1
        return top

    cdef Top _best(self, Py_ssize_t limit, float floor):
        """The strategies that match best: by their best scenario, raised by their own words."""
        cdef Top top = Top(limit)
        cdef Py_ssize_t first, n, count
        cdef float ceilings[BLOCK]
        cdef float value, edge = floor
        for first in range(0, self.strategies, BLOCK):
            count = min(self.strategies - first, BLOCK)
            if not self._block(first, count, ceilings, edge):
                continue
            for n in range(count):
                if ceilings[n] >= edge:
                    value = self._match(first + n)
                    if value >= max(floor, LEAST):
                        top.put(value, first + n)
                        edge = max(floor, top.edge())
        return top

    @cython.boundscheck(False)  # plain passes
    cdef int _block(self, Py_ssize_t first, Py_ssize_t count, float* ceilings, float edge) noexcept:
        """What the match of each of some strategies lies at or below, and whether any may reach ``edge``."""
        cdef const int* only = &self.only[first]
        cdef const float* worth = &self.worth[first]
        cdef const float* own = &self.high[self.states + first]
        cdef const float* high = &self.high[0]
        cdef Py_ssize_t n
        cdef float one = 1, most  # a plain 1 would make doubles of all
        cdef int found = 0
        for n in range(count):
            ceilings[n] = high[only[n]]
        for n in range(count):
            most = ceilings[n] if ceilings[n] < one else one
            ceilings[n] = most + own[n] * worth[n] * (one - most)
        for n in range(count):
            found |= ceilings[n] >= edge
        return found

    cdef float _match(self, Py_ssize_t strategy) except -1:
        cdef float most = 0, own
        cdef long long at
        for at in range(self.learned_in.start[strategy], self.learned_in.start[strategy + 1]):
            most = max(most, self._like(self.learned_in.right[at]))
        own = self.held.cosine(self.states + strategy) * self.worth[strategy]
        return own * (1 - most) + most

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
