"""Protocols against slow readings, and what a query may know."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_data import interactions_of

from reelrank.data import splits
from reelrank.data.interactions import load_interactions
from reelrank.data.splits import TEST, TRAIN, UNUSED, VALID
from reelrank.data.tables import SPLITS, read_table, write_table
from reelrank.errors import InputError

#: Per user, the gaps between interactions; 0 is a tie.
GAPS = st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=9), min_size=1, max_size=8)


def rows_of(gaps):
    """Return user and timestamp of each row."""
    user = np.repeat(np.arange(len(gaps)), [len(own) for own in gaps])
    return user, np.concatenate([1 + 10 * index + np.cumsum(own) for index, own in enumerate(gaps)]).astype(np.int64)


def check_counts(user, codes, counts):
    """Assert that the counts say what the codes say."""
    assert counts["users"] == len(set(user.tolist()))
    for name, code in (("valid", VALID), ("test", TEST)):
        assert counts[f"{name}_users"] == (codes == code).sum()
        assert counts[f"{name}_users"] + counts[f"users_without_{name}_target"] == counts["users"]
    assert counts["train_interactions"] == (codes == TRAIN).sum()
    assert counts["unused_interactions"] == (codes == UNUSED).sum()


@given(GAPS)
def test_leave_one_out_equals_the_slow_reading(gaps):
    user, _ = rows_of(gaps)
    codes, counts = splits.leave_one_out(user)
    expected = []
    for own in gaps:
        n = len(own)
        expected += [UNUSED] * n if n < 3 else [TRAIN] * (n - 2) + [VALID, TEST]
    assert codes.tolist() == expected and codes.dtype == np.int8
    check_counts(user, codes, counts)


@given(GAPS, st.integers(1, 4), st.sampled_from([1.0, 0.5]))
def test_what_is_set_aside_is_as_if_it_had_not_happened(gaps, drop_last, share):
    user, _ = rows_of(gaps)
    codes, counts = splits.leave_one_out(user, training_share=share, drop_last=drop_last)
    check_counts(user, codes, counts)
    kept = np.concatenate([np.arange(len(own)) < len(own) - drop_last for own in gaps])
    assert (codes[~kept] == UNUSED).all() and counts["interactions_set_aside"] == (~kept).sum()
    if kept.any():
        shorter, _ = splits.leave_one_out(user[kept], training_share=share)
        assert codes[kept].tolist() == shorter.tolist()


@given(GAPS, st.floats(0.01, 1), st.floats(0.01, 1), st.integers(0, 3))
def test_a_learning_curve_takes_whole_users_away_and_no_target(gaps, one, other, seed):
    user, _ = rows_of(gaps)
    everyone, _ = splits.leave_one_out(user)
    eligible = {own for own in user.tolist() if len(gaps[own]) >= 3}
    drawn = []
    for share in sorted([one, other]):
        codes, counts = splits.leave_one_out(user, training_share=share, seed=seed)
        check_counts(user, codes, counts)
        trained = set(user[codes == TRAIN].tolist())
        assert len(trained) == counts["users_in_training"] == (max(1, round(share * len(eligible))) if eligible else 0)
        others = ~np.isin(user, list(trained))
        assert (codes[~others] == everyone[~others]).all()
        assert (codes[others] == np.where(everyone[others] == TRAIN, UNUSED, everyone[others])).all()
        drawn.append(trained)
    assert drawn[0] <= drawn[1] <= eligible


def test_users_without_training_keep_their_history():
    histories = [[user, 8, user + 1, 9] for user in range(6)]
    user = np.repeat(np.arange(6), 4)
    codes, counts = splits.split("leave_one_out", user, user, {"training_share": 0.5, "seed": 2})
    assert counts["users_in_training"] == 3 and counts["unused_interactions"] == 6
    whole, half = interactions_of(histories, 10), interactions_of(histories, 10, codes)
    for part in ("valid", "test"):
        full, cut = whole.queries(part), half.queries(part)
        assert cut.users.tolist() == full.users.tolist() and cut.targets.tolist() == full.targets.tolist()
        assert (cut.history.last(4) == full.history.last(4)).all() and (cut.seen.last(4) == full.seen.last(4)).all()
    trained = set(user[codes == TRAIN].tolist())
    assert [len(set(row)) > 1 for row in half.training().last(2).tolist()] == [own in trained for own in range(6)]
    assert half.popularity().sum() == 6 and half.popularity()[8] == 3
    read = half.queries("test", "train_only").history
    assert (read.ends > read.starts).tolist() == [own in trained for own in range(6)]


def slow_temporal(user, timestamp, first_cut, second_cut, min_history):
    """Return the codes, one user at a time."""
    codes = []
    for own in range(user.max() + 1):
        times = timestamp[user == own].tolist()
        train = [time for time in times if time <= first_cut]
        part = [TRAIN] * len(train) + [UNUSED] * (len(times) - len(train))
        if len(train) >= min_history:
            between = [row for row, time in enumerate(times) if first_cut < time <= second_cut]
            after = [row for row, time in enumerate(times) if time > second_cut]
            for rows, code in ((between, VALID), (after, TEST)):
                if rows:
                    part[rows[0]] = code
        codes += part
    return codes


@given(GAPS, st.sampled_from([(0.8, 0.9), (0.3, 0.6), (0.1, 0.95)]), st.integers(1, 3))
def test_temporal_equals_the_slow_reading(gaps, quantiles, min_history):
    user, timestamp = rows_of(gaps)
    options = {"valid_quantile": quantiles[0], "test_quantile": quantiles[1], "min_history": min_history}
    codes, counts = splits.temporal(user, timestamp, **options)
    in_order = sorted(timestamp.tolist())
    first_cut, second_cut = (in_order[int(share * (len(in_order) - 1))] for share in quantiles)
    assert (counts["first_cut"], counts["second_cut"]) == (first_cut, second_cut)
    assert codes.tolist() == slow_temporal(user, timestamp, first_cut, second_cut, min_history)
    check_counts(user, codes, counts)
    assert (timestamp[codes == TRAIN] <= first_cut).all()
    assert ((timestamp[codes == VALID] > first_cut) & (timestamp[codes == VALID] <= second_cut)).all()
    assert (timestamp[codes == TEST] > second_cut).all()
    short = {own for own in user.tolist() if ((user == own) & (timestamp <= first_cut)).sum() < min_history}
    assert counts["users_without_enough_history"] == len(short)
    for own in range(len(gaps)):
        part = codes[user == own]
        assert (part == VALID).sum() <= 1 and (part == TEST).sum() <= 1
        assert (np.flatnonzero(part == TRAIN) == np.arange((part == TRAIN).sum())).all(), "train is a prefix"


def test_temporal_needs_timestamps_and_ordered_quantiles():
    user = np.array([0, 0, 0])
    with pytest.raises(InputError, match="no timestamps"):
        splits.split("temporal", user, np.zeros(3, np.int64), {})
    with pytest.raises(InputError, match=r"protocols.temporal: found quantiles 0.9 and 0.8"):
        splits.split("temporal", user, np.arange(3), {"valid_quantile": 0.9, "test_quantile": 0.8})
    with pytest.raises(InputError, match="'leave_one'; did you mean leave_one_out"):
        splits.split("leave_one", user, user, {})
    with pytest.raises(InputError, match="no user has a valid target"):
        splits.split("temporal", np.array([0, 0, 1, 1]), np.array([1, 3, 2, 4]), {})


@st.composite
def split_histories(draw):
    """Draw distinct items per user and codes of either protocol."""
    gaps = draw(GAPS)
    user, timestamp = rows_of(gaps)
    histories = [draw(st.permutations(range(12)))[: len(own)] for own in gaps]
    protocol = draw(st.sampled_from(["leave_one_out", "temporal"]))
    codes, _ = splits.PROTOCOLS[protocol](user, timestamp)
    return histories, codes


@given(split_histories(), st.sampled_from(["valid", "test"]))
def test_a_query_knows_nothing_of_its_target_or_after(drawn, part):
    histories, codes = drawn
    data = interactions_of(histories, 12, codes)
    full, train_only = data.queries(part), data.queries(part, "train_only")
    assert full.users.tolist() == sorted(set(full.users.tolist()))
    assert len(full) == (codes == SPLITS.index(part)).sum()
    dense = full.seen.matrix().toarray()
    for row, (user, target) in enumerate(zip(full.users, full.targets, strict=True)):
        own = list(histories[user])
        before = own[: own.index(target)]
        in_train = [item for item, code in zip(own, codes[data.starts[user] :], strict=False) if code == TRAIN]
        assert data.codes[data.starts[user] + own.index(target)] == SPLITS.index(part)
        for query, allowed in ((full, before), (train_only, in_train)):
            asked = query[row : row + 1]
            assert asked.users[0] == user and asked.targets[0] == target
            assert asked.history.last(len(own))[0].tolist() == [12] * (len(own) - len(allowed)) + allowed
            assert asked.seen.last(len(own))[0].tolist() == [12] * (len(own) - len(before)) + before
        assert np.flatnonzero(dense[row]).tolist() == sorted(before)


def test_the_test_history_holds_the_valid_item_unless_told_otherwise():
    data = interactions_of([[4, 2, 0, 1], [3, 1, 5]], 6)
    assert data.queries("test").history.last(3).tolist() == [[4, 2, 0], [6, 3, 1]]
    assert data.queries("test", "train_only").history.last(3).tolist() == [[6, 4, 2], [6, 6, 3]]
    assert data.queries("test").history.last(2).tolist() == [[2, 0], [3, 1]]
    assert data.training().last(2).tolist() == [[4, 2], [6, 3]]


@given(split_histories())
def test_statistics_count_training_only(drawn):
    histories, codes = drawn
    data = interactions_of(histories, 12, codes)
    timestamp = np.arange(100, 100 + len(data.items), dtype=np.int64)
    table = splits.item_statistics(data.items, timestamp, codes, 12).to_pylist()
    for item, row in enumerate(table):
        times = [
            time
            for time, code, chosen in zip(timestamp, codes, data.items, strict=True)
            if code == TRAIN and chosen == item
        ]
        assert row["item"] == item and row["popularity"] == len(times) == data.popularity()[item]
        assert (row["first_timestamp"], row["last_timestamp"]) == ((times[0], times[-1]) if times else (None, None))


def write_split(folder, codes, names=SPLITS):
    """Write interactions of one user and a split whose dictionary has this order."""
    import pyarrow as pa

    n = len(codes)
    position = np.arange(n, dtype=np.int32)
    user = np.zeros(n, np.int32)
    columns = {"user": user, "item": position, "timestamp": position.astype(np.int64), "position": position}
    write_table(columns, "interactions", folder / "interactions.parquet", {"n_users": 1, "n_items": n})
    table = splits.split_table(pa.array(user), pa.array(position), np.array(codes, np.int8))
    if names != SPLITS:
        values = pa.array([SPLITS[code] for code in codes])
        other = pa.DictionaryArray.from_arrays(
            pa.array([names.index(value.as_py()) for value in values], pa.int8()), pa.array(names)
        )
        table = table.set_column(2, "split", other)
    write_table(table, "split", folder / "split.parquet")
    return folder / "interactions.parquet", folder / "split.parquet"


@pytest.mark.parametrize("codes", [[0, 0, 1, 2], [3, 3, 3, 3], [0, 3, 2, 3]])
@pytest.mark.parametrize("names", [SPLITS, ("unused", "test", "valid", "train")])
def test_codes_survive_the_file_whatever_its_dictionary(tmp_path, codes, names):
    data = load_interactions(*write_split(tmp_path, codes, names))
    assert data.codes.tolist() == codes and data.codes.dtype == np.int8
    assert (data.n_users, data.n_items, data.starts.tolist()) == (1, 4, [0, 4])


def test_a_split_of_other_interactions_is_refused(tmp_path):
    interactions, _ = write_split(tmp_path, [0, 0, 1, 2])
    (tmp_path / "other").mkdir()
    _, split = write_split(tmp_path / "other", [0, 0, 0, 1, 2])
    assert read_table(split, "split").num_rows == 5
    with pytest.raises(InputError, match=r"split.parquet.*interactions.parquet"):
        load_interactions(interactions, split)


def test_the_share_of_training_interactions_that_are_later_than_a_target():
    user = np.repeat([0, 1], [4, 4])
    times = np.array([1, 2, 3, 10, 11, 12, 13, 14], np.int64)  # user 0's target is at 10, before 2 of 4 training rows
    codes, counts = splits.split("leave_one_out", user, times, {})
    assert counts["later_training_share"] == 0.25, "half for user 0, none for user 1"
    assert splits.later_training_share(np.zeros(8, np.int64), codes) is None
