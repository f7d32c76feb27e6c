"""Kill -9 of a process that asks a language model, twice; `make drills` does it twenty times."""

from llm_drill import drill


def test_a_killed_job_goes_on_where_it_was(tmp_path, monkeypatch):
    monkeypatch.setenv("REELRANK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    found = drill(tmp_path, kills=2, n_users=400)
    assert found["received"] >= 400
