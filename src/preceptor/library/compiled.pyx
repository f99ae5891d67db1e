# cython: language_level=3, wraparound=False, cdivision=True, initializedcheck=False
# cython: auto_pickle=False, binding=False
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

from preceptor.library import rounding
from preceptor.library.conversation_state import FAR, LONGEST, spoken_words

cdef extern from "Python.h":
    bint PyUnicode_IS_ASCII(str text)
    void* PyUnicode_1BYTE_DATA(str text)
    Py_ssize_t PyUnicode_GET_LENGTH(str text)

cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
    #define SOON(place) __builtin_prefetch(place)
    #else
    #define SOON(place) ((void)(place))
    #endif
    """
    void soon "SOON"(const void* place) noexcept
    # What is read soon is fetched while other things are done: much of a search is waiting for memory.

VERSION = 2
"""As in ``quick``."""

cdef float ROUNDING = rounding.ROUNDING
cdef float STEP = 2.0**-24  # by which a sum below 1 may be off for each number of 32 bits that was added to it
cdef float LEAST = rounding.LEAST
cdef Py_ssize_t LONGEST_TEXT = LONGEST
cdef enum:
    BLOCK = 64  # strategies that are looked at at once
    WHOLE = 3  # common terms are added up too where no more documents hold them, as a multiple of all
    FAR_APART = 8  # of more than one state in so many, strategies are looked at in a row

include "compiled_held.pxi"
include "compiled_words.pxi"
include "compiled_asked.pxi"
include "compiled_fit.pxi"
include "compiled_search.pxi"
