from preceptor.core.ids import digest
from preceptor.llm.journal.known import Known


def test_a_known_key_is_never_missed_and_a_new_one_hardly_ever_known():
    keys = [digest("call", n) for n in range(20_000)]
    known = Known(keys[:5_000])
    for key in keys[5_000:10_000]:
        known.add(key)
    assert all(key in known for key in keys[:10_000])
    assert sum(key in known for key in keys[10_000:]) < 100
