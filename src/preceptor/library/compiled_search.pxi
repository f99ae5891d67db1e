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
    """Per strategy where the ceiling of its scenario stands in ``high``."""
    cdef int none, several
    """Where those stand of no scenario and of more than one."""
    cdef int[::1] alone
    """The strategies that have none."""
    cdef float[::1] sums
    """Per document, over the asked terms that few documents hold."""
    cdef float[::1] high
    """Per state what no score lies above; the score itself, once it is known. Behind them the same of none, and of
    several."""
    cdef unsigned char[::1] known, seen
    """States whose score is; strategies that were looked at."""
    cdef float own_length
    """Of what is asked of own words that many strategies have."""
    cdef float rounding
    """What ceilings are raised by."""
    cdef Ranked near, best, votes, scores
    """The nearest states; the strategies that match best; those that vote; what becomes of the best."""

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
        self.none, self.several = self.states, self.states + 1
        only = np.where(sizes == 1, right[start[:-1]], np.where(sizes, self.several, self.none))
        self.only = np.append(only, self.none).astype(np.int32)
        self.alone = np.flatnonzero(sizes == 0).astype(np.int32)
        self.most_common = np.asarray(held.common_length)[taught.lefts:].max(initial=0)
        self.sums = np.zeros(held.count + 1, dtype=np.float32)
        self.high = np.zeros(self.states + 2, dtype=np.float32)
        self.high[self.several] = 1
        self.known = np.zeros(self.states + 1, dtype=np.uint8)
        self.seen = np.zeros(self.strategies + 1, dtype=np.uint8)
        self.near, self.best, self.votes, self.scores = Ranked(), Ranked(), Ranked(), Ranked()

    def find(self, heard, Py_ssize_t limit, float floor):
        """Of the best ``limit`` strategies: places, scores, what the words match, and their deeds' cosines."""
        cdef Asked states = self.numbered.states, own = self.numbered.own
        cdef Py_ssize_t n
        with self.numbered.lock, self.held.lock, self.deeds.lock:
            self.numbered.read(heard)
            self.held.want(&states.terms[0], &states.weights[0], states.count)
            try:
                self.held.want(&own.terms[0], &own.weights[0], own.count)
                self._look_for(states, own, limit, floor)
            finally:
                self.held.forget(&states.terms[0], states.count)
                self.held.forget(&own.terms[0], own.count)
            self._vote()
            alike = self.deeds.weigh(self.best, self.votes, self.scores)
            self._score()
            return (
                [self.best.places[n] for n in range(self.best.count)],
                [self.scores.values[n] for n in range(self.best.count)],
                [self.best.values[n] for n in range(self.best.count)],
                alike,
            )

    cdef int _look_for(self, Asked states, Asked own, Py_ssize_t limit, float floor) except -1:
        """Finds the states and the strategies that match best."""
        cdef float length = self._common(states, self.states), own_most = 0
        self.own_length = self._common(own, self.strategies)
        self.rounding = ROUNDING + STEP * max(states.count, own.count)
        memset(&self.known[0], 0, self.known.shape[0])
        memset(&self.seen[0], 0, self.seen.shape[0])
        memset(&self.sums[0], 0, self.sums.shape[0] * sizeof(float))
        cdef Py_ssize_t promising = self._add(states), owner = self._add(own)
        self._bound(length)
        self._nearest(promising)
        if owner >= 0:
            own_most = self.sums[owner]
        own_most = min(own_most + self.most_common * self.own_length + self.rounding, 1) * self.own_words
        self._match_best(limit, floor, own_most)
        return 0

    cdef float _common(self, Asked asked, Py_ssize_t documents) except? -1:
        """The length of what is asked of the terms that many documents hold. 0 where these are so few that adding
        them up costs less than ceilings without them, as in short questions."""
        cdef const long long[::1] start = self.held.posting_start
        cdef Py_ssize_t k, term
        cdef long long held = 0
        cdef double square = 0
        for k in range(asked.count):
            soon(&self.held.rare[asked.terms[k], 0])
        for k in range(asked.count):
            term = asked.terms[k]
            if self.held.rare[term, 1] < 0:
                square += <double>asked.weights[k] * asked.weights[k]
                held += start[term + 1] - start[term]
            elif self.held.rare[term, 0] < self.held.rare[term, 1]:
                soon(&self.held.documents[self.held.rare[term, 0]])
                soon(&self.held.posting_values[self.held.rare[term, 0]])
        asked.whole = held <= WHOLE * documents
        return 0 if asked.whole else <float>sqrt(square)

    @cython.boundscheck(False)  # ``Held`` and ``Numbered`` looked at what these lead to
    cdef Py_ssize_t _add(self, Asked asked) noexcept:
        """Adds up the terms that few documents hold, or all. The document with the highest sum; below 0: none."""
        cdef Held held = self.held
        cdef float* sums = &self.sums[0]
        cdef const int* documents
        cdef const float* values
        cdef Py_ssize_t k, most = -1
        cdef long long at, begin, end
        cdef float weight, highest = 0
        if not held.documents.shape[0]:
            return -1
        documents, values = &held.documents[0], &held.posting_values[0]
        for k in range(asked.count):
            weight = asked.weights[k]
            begin, end = held.rare[asked.terms[k], 0], held.rare[asked.terms[k], 1]
            if end < 0 and asked.whole:
                end = held.posting_start[asked.terms[k] + 1]
            for at in range(begin, end):
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
        cdef float raised = 1 + self.rounding  # sums are off by a share: what is near 0 stays apart
        cdef Py_ssize_t n
        if self.states:
            common = &self.held.common_length[0]
            for n in range(self.states):
                high[n] = (sums[n] + common[n] * length) * raised
        return 0

    cdef float _like(self, Py_ssize_t state) except? -1:
        """The score itself, which from then on stands where its ceiling did."""
        if not self.known[state]:
            self.high[state] = self.held.cosine(state)
            self.known[state] = 1
        return self.high[state]

    @cython.boundscheck(False)  # ``high`` is longer than there are states
    cdef int _nearest(self, Py_ssize_t promising) except -1:
        """The nearest states, of those at least so near that they have a say."""
        cdef Ranked near = self.near
        cdef const float* high = &self.high[0]
        cdef Py_ssize_t n
        cdef float edge = 0, like
        near.clear(min(self.neighbours, self.states))
        if not near.most:
            return 0
        # A ceiling may lie far above all scores: only a score itself tells from where others have no say.
        if promising >= 0:
            edge = self._like(promising) * self.reach
        for n in range(self.states):
            if high[n] >= edge and high[n] > 0:
                like = self._like(n)
                if like >= LEAST:
                    near.put(like, n)
                    edge = max(edge, near.edge(), self.reach * near.values[0])
        while near.count and near.values[near.count - 1] < self.reach * near.values[0]:
            near.count -= 1
        return 0

    @cython.boundscheck(False)  # ``high`` is longer than there are states
    cdef int _match_best(self, Py_ssize_t limit, float floor, float own_most) except -1:
        """The strategies that match best: by their best scenario, raised by their own words by at most so much."""
        cdef const float* high = &self.high[0]
        cdef Py_ssize_t n, first, many = 0
        cdef float edge = floor, least
        self.best.clear(limit)
        for n in range(self.near.count):  # what was learned in these shuts out nearly all else
            edge = self._taught(self.near.places[n], edge)
        least = self._least(edge, own_most)
        for n in range(self.states):
            many += high[n] >= least
        if many * FAR_APART > self.states:
            for first in range(0, self.strategies, BLOCK):
                edge = self._look_at_block(first, min(self.strategies - first, BLOCK), edge)
            return 0
        if self.alone.shape[0]:
            edge = self._look(&self.alone[0], self.alone.shape[0], edge)
        for n in range(self.states):
            if high[n] >= least:
                edge = self._taught(n, edge)
        return 0

    cdef float _least(self, float edge, float own_most) noexcept:
        """What a state's score must reach for its strategies to be among the best."""
        return (edge - self.rounding - own_most) / (1 - own_most) if own_most < 1 else -1

    @cython.boundscheck(False)  # ``Links`` looked at what these lead to
    cdef float _taught(self, Py_ssize_t state, float edge) except? -1:
        """As ``_look``, at what was learned in a state."""
        cdef long long at = self.taught.start[state], end = self.taught.start[state + 1]
        return edge if at == end else self._look(&self.taught.right[at], end - at, edge)

    cdef float _look(self, const int* strategies, Py_ssize_t count, float edge) except? -1:
        """Puts those of some strategies that match best among the best; what is to be reached from then on."""
        cdef Py_ssize_t n
        for n in range(count):
            if self._ceiling(strategies[n]) >= edge:
                edge = self._try(strategies[n], edge)
        return edge

    @cython.boundscheck(False)  # numbers of strategies, all of them
    cdef float _ceiling(self, Py_ssize_t strategy) noexcept:
        """What no match lies above."""
        cdef int only = self.only[strategy]
        cdef float one = 1, most = self.high[only] if self.high[only] < one else one  # a plain 1 makes doubles
        cdef float own = self.sums[self.states + strategy] + self.rounding
        own += self.held.common_length[self.states + strategy] * self.own_length
        return most + own * (one if only == self.none else self.own_words) * (one - most)

    @cython.boundscheck(False)  # plain passes, of which the compiler does several steps at once
    cdef float _look_at_block(self, Py_ssize_t first, Py_ssize_t count, float edge) except? -1:
        """As ``_look``, at strategies that stand in a row: most of those that it looks at are not worth a call."""
        cdef float ceilings[BLOCK]
        cdef const int* only = &self.only[first]
        cdef const float* high = &self.high[0]
        cdef const float* sums = &self.sums[self.states + first]
        cdef const float* common = &self.held.common_length[self.states + first]
        cdef float one = 1, most, own_words = self.own_words, length = self.own_length, rounding = self.rounding
        cdef int found = 0, none = self.none
        cdef Py_ssize_t n
        for n in range(count):
            ceilings[n] = high[only[n]]
        for n in range(count):
            most = ceilings[n] if ceilings[n] < one else one
            ceilings[n] = (sums[n] + common[n] * length + rounding) * (one if only[n] == none else own_words)
            ceilings[n] = most + ceilings[n] * (one - most)
            found |= ceilings[n] >= edge
        if found:
            for n in range(count):
                if ceilings[n] >= edge:
                    edge = self._try(first + n, edge)
        return edge

    cdef float _try(self, Py_ssize_t strategy, float edge) except? -1:
        """Puts a strategy among the best if it is one of them; what is to be reached from then on."""
        if self.seen[strategy]:
            return edge
        self.seen[strategy] = 1
        cdef float most = 0, value
        cdef long long at
        for at in range(self.learned_in.start[strategy], self.learned_in.start[strategy + 1]):
            most = max(most, self._like(self.learned_in.right[at]))
        value = self.held.cosine(self.states + strategy)
        if self.only[strategy] != self.none:
            value *= self.own_words
        value = value * (1 - most) + most
        if value < max(edge, LEAST):
            return edge
        self.best.put(value, strategy)
        return max(edge, self.best.edge())

    cdef int _vote(self) except -1:
        """Who votes, and with what: what was learned in the nearest states; what was learned in none, for
        itself."""
        cdef Ranked near = self.near, best = self.best
        cdef Py_ssize_t n, count = best.count
        cdef long long at
        cdef const long long[::1] start = self.taught.start
        for n in range(near.count):
            count += start[near.places[n] + 1] - start[near.places[n]]
        self.votes.clear(count)
        for n in range(near.count):
            for at in range(start[near.places[n]], start[near.places[n] + 1]):
                self.votes.add(pow(near.values[n], self.sharpness), self.taught.right[at])
        for n in range(best.count):
            if self.only[best.places[n]] == self.none:
                self.votes.add(pow(best.values[n], self.sharpness), best.places[n])
        return 0

    cdef int _score(self) except -1:
        """What the words match, lowered where the vote is against it. Then the geometric mean of that and of the
        fit; where nothing tells the fit, likeness stands for it."""
        cdef Ranked best = self.best
        cdef float[::1] scores = self.scores.values  # what the vote gave each
        cdef Py_ssize_t n
        cdef double most = 1e-9
        cdef float fit
        for n in range(best.count):
            most = max(most, scores[n])
        cdef float factor = <float>(self.trust / most), least = <float>(1 - self.trust)
        for n in range(best.count):
            scores[n] = best.values[n] * (scores[n] * factor + least if self.neighbours else 1)
        if self.fit is not None and best.count:
            self.fit.ask(self.numbered.fit)
            for n in range(best.count):
                fit = self.fit.of(best.places[n])
                if fit >= 0:
                    scores[n] = <float>sqrt(scores[n] * fit)
        return 0
