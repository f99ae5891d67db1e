cdef class Links:
    """What belongs to what: a ``Links``."""

    cdef const long long[::1] start
    cdef const int[::1] right
    cdef readonly Py_ssize_t lefts, rights

    def __init__(self, const long long[::1] start, const int[::1] right, Py_ssize_t rights):
        """``rights``: how many right ones there are. IndexError where one belongs that there is not."""
        cdef Py_ssize_t n
        for n in range(start.shape[0] - 1):
            if start[n] < 0 or start[n + 1] < start[n] or start[n + 1] > right.shape[0]:
                raise IndexError(n)
        for n in range(right.shape[0]):
            if right[n] < 0 or right[n] >= rights:
                raise IndexError(n)
        self.start, self.right, self.lefts, self.rights = start, right, start.shape[0] - 1, rights


cdef class Top:
    """The highest values with their places, highest first; of equal ones the first places."""

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
        """What a value must reach."""
        return self.values[self.room - 1] if self.count == self.room else 0

    cdef int put(self, float value, Py_ssize_t place) except -1:
        cdef Py_ssize_t at = self.count
        if self.count == self.room:
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


cdef class Search:
    """A ``StrategyIndex`` that is searched by words. One question at a time."""

    cdef Numbered numbered
    cdef Held held, deeds
    cdef Links learned_in, taught
    cdef Fit fit
    cdef Py_ssize_t states, strategies, neighbours
    cdef float own_words, reach, sharpness
    cdef double trust
    cdef float most_common
    """The greatest length of a strategy's own words that many have."""
    cdef int[::1] only
    """Per strategy its scenario; or ``NONE``, or ``SEVERAL``."""
    cdef int[::1] alone
    """The strategies that have none."""
    cdef float[::1] sums
    """Per document, over the asked terms that few documents hold."""
    cdef float[::1] high
    """Per state what no score lies above; the score itself, once it is known."""
    cdef unsigned char[::1] known, seen
    """States whose score is; strategies that were looked at."""
    cdef float own_length
    """Of what is asked of own words that many strategies have."""

    def __init__(self, Numbered numbered, Held held, Held deeds, Links learned_in, Links taught, Fit fit, own_words,
                 neighbours, sharpness, trust, reach):
        self.numbered, self.held, self.deeds, self.fit = numbered, held, deeds, fit
        self.learned_in, self.taught = learned_in, taught
        self.states, self.strategies = taught.lefts, learned_in.lefts
        self.own_words, self.neighbours, self.sharpness = own_words, neighbours, sharpness
        self.trust, self.reach = trust, reach
        if (held.count, deeds.count) != (self.states + self.strategies, self.strategies):
            raise IndexError(held.count)
        if (learned_in.rights, taught.rights) != (self.states, self.strategies):
            raise IndexError(learned_in.rights)
        start, right = np.asarray(learned_in.start), np.append(learned_in.right, 0)
        sizes = np.diff(start)
        self.only = np.where(sizes == 1, right[start[:-1]], np.where(sizes, SEVERAL, NONE)).astype(np.int32)
        self.alone = np.flatnonzero(sizes == 0).astype(np.int32)
        self.most_common = np.asarray(held.common_length)[taught.lefts:].max(initial=0)
        self.sums = np.zeros(held.count + 1, dtype=np.float32)
        self.high = np.zeros(self.states + 1, dtype=np.float32)
        self.known = np.zeros(self.states + 1, dtype=np.uint8)
        self.seen = np.zeros(self.strategies + 1, dtype=np.uint8)

    def find(self, heard, Py_ssize_t limit, float floor):
        """Of the best ``limit`` strategies: places, scores, what the words match, and their deeds' cosines."""
        cdef Asked states = self.numbered.states, own = self.numbered.own
        cdef Top near, best
        with self.numbered.lock, self.held.lock:
            self.numbered.read(heard)
            self.held.want(&states.terms[0], &states.weights[0], states.count)
            try:
                self.held.want(&own.terms[0], &own.weights[0], own.count)
                near, best = self._found(states, own, limit, floor)
            finally:
                self.held.forget(&states.terms[0], states.count)
                self.held.forget(&own.terms[0], own.count)
            places, matches = np.asarray(best.places)[:best.count], np.asarray(best.values)[:best.count]
            told, alike = self.deeds.support(places, *self._votes(near, best))
            scores = matches.copy()
            if self.neighbours:
                self._agreed(scores, told)
            if self.fit is not None:
                self._fitted(scores, places, self.numbered.fit)
        return places, scores, matches, alike

    cdef tuple _found(self, Asked states, Asked own, Py_ssize_t limit, float floor):
        """The states and the strategies that match best."""
        memset(&self.known[0], 0, self.known.shape[0])
        memset(&self.seen[0], 0, self.seen.shape[0])
        memset(&self.sums[0], 0, self.sums.shape[0] * sizeof(float))
        self.own_length = self._common(own)
        cdef Py_ssize_t promising = self._add(states), owner = self._add(own)
        self._bound(self._common(states))
        near = self._nearest(promising)
        cdef float own_most = 0 if owner < 0 else self.sums[owner]
        own_most = min(own_most + self.most_common * self.own_length + ROUNDING, 1) * self.own_words
        return near, self._best(near, limit, floor, own_most)

    cdef float _common(self, Asked asked) except -1:
        """The length of what is asked of the terms that many documents hold."""
        cdef Py_ssize_t k
        cdef double square = 0
        for k in range(asked.count):
            if self.held.rare[asked.terms[k], 1] < 0:
                square += <double>asked.weights[k] * asked.weights[k]
        return <float>sqrt(square)

    @cython.boundscheck(False)  # ``Held`` and ``Numbered`` looked at what these lead to
    cdef Py_ssize_t _add(self, Asked asked) noexcept:
        """Adds up the terms that few documents hold. The document with the highest sum; below 0: none."""
        cdef Held held = self.held
        cdef float* sums = &self.sums[0]
        cdef const int* documents
        cdef const float* values
        cdef Py_ssize_t k, most = -1
        cdef long long at
        cdef float weight, highest = 0
        if not held.documents.shape[0]:
            return -1
        documents, values = &held.documents[0], &held.posting_values[0]
        for k in range(asked.count):
            weight = asked.weights[k]
            for at in range(held.rare[asked.terms[k], 0], held.rare[asked.terms[k], 1]):
                sums[documents[at]] += weight * values[at]
                if sums[documents[at]] > highest:
                    highest, most = sums[documents[at]], documents[at]
        return most

    @cython.boundscheck(False)  # a plain pass, of which the compiler then does several steps at once
    cdef int _bound(self, float length) noexcept:
        """What the terms that many hold add to no state's score is above this (Cauchy-Schwarz)."""
        cdef float* high = &self.high[0]
        cdef const float* sums = &self.sums[0]
        cdef const float* common
        cdef Py_ssize_t n
        if self.states:
            common = &self.held.common_length[0]
            for n in range(self.states):
                high[n] = sums[n] + common[n] * length + ROUNDING
        return 0

    cdef float _like(self, Py_ssize_t state) except -1:
        """The score itself, which from then on stands where its ceiling did."""
        if not self.known[state]:
            self.high[state] = self.held.cosine(state)
            self.known[state] = 1
        return self.high[state]

    @cython.boundscheck(False)  # ``high`` is longer than there are states
    cdef Top _nearest(self, Py_ssize_t promising):
        """The nearest states, of those at least so near that they have a say."""
        cdef Top top = Top(self.neighbours)
        cdef float[::1] high = self.high
        cdef Py_ssize_t n
        cdef float edge = ROUNDING, like
        if not self.neighbours:
            return top
        # A ceiling may lie far above all scores: only a score itself tells from where others have no say.
        if promising >= 0:
            edge = max(self._like(promising) * self.reach, edge)
        for n in range(self.states):
            if high[n] >= edge:
                like = self._like(n)
                if like >= LEAST:
                    top.put(like, n)
                    edge = max(edge, top.edge(), self.reach * top.values[0])
        while top.count and top.values[top.count - 1] < self.reach * top.values[0]:
            top.count -= 1
        return top

    @cython.boundscheck(False)  # ``high`` is longer than there are states
    cdef Top _best(self, Top near, Py_ssize_t limit, float floor, float own_most):
        """The strategies that match best: by their best scenario, raised by their own words by at most so much."""
        cdef Top top = Top(limit)
        cdef const float* high = &self.high[0]
        cdef Py_ssize_t n
        cdef float edge = floor, least
        if self.alone.shape[0]:
            edge = self._look(&self.alone[0], self.alone.shape[0], top, edge)
        for n in range(near.count):  # what was learned in these shuts out nearly all else
            edge = self._taught(near.places[n], top, edge)
        least = self._least(edge, own_most)
        for n in range(self.states):
            if high[n] >= least:
                edge = self._taught(n, top, edge)
                least = self._least(edge, own_most)
        return top

    cdef float _least(self, float edge, float own_most) noexcept:
        """What a state's score must reach for its strategies to be among the best."""
        return (edge - own_most) / (1 - own_most) - ROUNDING if own_most < 1 else -1

    @cython.boundscheck(False)  # ``Links`` looked at what these lead to
    cdef float _taught(self, Py_ssize_t state, Top top, float edge) except -1:
        """As ``_look``, at what was learned in a state."""
        cdef long long at = self.taught.start[state], end = self.taught.start[state + 1]
        return edge if at == end else self._look(&self.taught.right[at], end - at, top, edge)

    @cython.boundscheck(False)  # numbers of strategies, all of them
    cdef float _look(self, const int* strategies, Py_ssize_t count, Top top, float edge) except -1:
        """Puts those of some strategies that match best among the best; what is to be reached from then on."""
        cdef const float* sums = &self.sums[self.states]
        cdef const float* common = &self.held.common_length[self.states]
        cdef unsigned char* seen = &self.seen[0]
        cdef Py_ssize_t n
        cdef int strategy, only
        cdef float most, own, value, one = 1  # a plain 1 would make doubles of all
        for n in range(count):
            strategy = strategies[n]
            if seen[strategy]:
                continue
            seen[strategy] = 1
            only = self.only[strategy]
            own = sums[strategy] + common[strategy] * self.own_length + ROUNDING
            most = 0
            if only != NONE:
                own *= self.own_words
                most = one if only == SEVERAL else min(self.high[only], one)
            if most + own * (one - most) >= edge:
                value = self._match(strategy)
                if value >= max(edge, LEAST):
                    top.put(value, strategy)
                    edge = max(edge, top.edge())
        return edge

    cdef float _match(self, Py_ssize_t strategy) except -1:
        cdef float most = 0, own
        cdef long long at
        for at in range(self.learned_in.start[strategy], self.learned_in.start[strategy + 1]):
            most = max(most, self._like(self.learned_in.right[at]))
        own = self.held.cosine(self.states + strategy)
        if self.only[strategy] != NONE:
            own *= self.own_words
        return own * (1 - most) + most

    cdef tuple _votes(self, Top near, Top best):
        """Who votes, and with what: what was learned in the nearest states; what was learned in none, for
        itself."""
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
            if self.only[best.places[n]] == NONE:
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
