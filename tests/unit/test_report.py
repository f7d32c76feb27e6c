"""The report's page, made of a small made-up run."""

import re
from html.parser import HTMLParser

import plot_figures
import pytest
import report
import yaml
from report_fixture import FIGURES, write_run

from reelrank.errors import InputError
from reelrank.report.inputs import read_csv

NO_GENERATIVE = {"random": None, "all-MiniLM-L6-v2": 1.3}


def make(folder, **options):
    """Write a run, its figures and its page; return the page and the paths of its files."""
    inputs, outputs, settings = write_run(folder, **options)
    plot_figures.main(inputs, outputs["figures"], settings)
    files = {name: path for name, path in outputs.items() if name != "figures"}
    report.main({**inputs, "figures": list(outputs["figures"].values())}, files, settings)
    return outputs["html"].read_text(encoding="utf-8"), outputs


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return page and files of the whole run."""
    return make(tmp_path_factory.mktemp("whole"))


class Words(HTMLParser):
    """Collects what a reader sees, and every address that a browser would ask."""

    def __init__(self):
        super().__init__()
        self.text, self.addresses, self.skip = [], [], None

    def handle_starttag(self, tag, attributes):
        """Note addresses; leave out what is not read."""
        self.skip = tag if tag in ("style", "script") else self.skip
        self.addresses += [
            value for name, value in attributes if name in ("src", "href", "xlink:href", "srcset", "action")
        ]

    def handle_endtag(self, tag):
        """Read on after a style or script."""
        self.skip = None if tag == self.skip else self.skip

    def handle_data(self, data):
        """Keep the text."""
        if self.skip is None:
            self.text.append(data)


def read(page):
    """Return the visible text of a page and its addresses."""
    words = Words()
    words.feed(page)
    return " ".join(words.text), words.addresses


@pytest.mark.parametrize(
    "options",
    [
        {"seeds": (1, 2), "bases": ("nfm",)},
        {"hit_share": 0.0, "bases": ("nfm",)},
        {"factors": NO_GENERATIVE, "bases": ("pop",)},
        {"factors": {}, "bases": ("pop",)},
        {"users": 3, "bases": ("nfm",)},
    ],
    ids=["two seeds", "no hit", "nothing generative", "identity alone", "three users"],
)
def test_no_page_shows_nan_or_none(tmp_path, options):
    assert_no_nan(*make(tmp_path, **options))


def test_the_whole_page_shows_no_nan(made):
    assert_no_nan(*made)


def assert_no_nan(page, outputs):
    """Look for what Python prints where there is no value, in the page and the tables for papers."""
    for text in (read(page)[0], *(outputs[name].read_text() for name in ("effects_md", "effects_tex", "hit_rate_tex"))):
        assert not re.search(r"\b(nan|NaN|inf|None|NaT|True|False)\b|<NA>", text)


def test_the_page_asks_nothing_of_a_network(made):
    page, _ = made
    assert [address for address in read(page)[1] if not address.startswith(("#", "data:,"))] == []
    assert "@import" not in page and not re.search(r"url\((?!#)", page)
    assert len(page.encode()) < 5_000_000


def test_every_figure_is_in_the_page_with_two_lines_of_caption(made):
    page, outputs = made
    for name in FIGURES:
        figure = re.search(rf'<figure id="figure-{name}">.*?</figure>', page, re.DOTALL)[0]
        assert "<svg" in figure and "aria-label" in figure
        caption = re.search("<figcaption>(.*?)</figcaption>", figure, re.DOTALL)[1]
        assert len(caption.strip().split("\n")) == 2
        assert outputs["figures"][name].is_file()
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids)), "figures of one library share ids"
    for reference in re.findall(r'(?:url\(|href=")#([^)"]+)', page):
        assert reference in ids


def test_titles_are_escaped(made):
    assert "Made-up &lt;data&gt; (synthetic)" in made[0] and "Made-up <data>" not in made[0]


def test_tables_can_be_sorted(made):
    page, _ = made
    table = re.search(r'<table class="sortable" id="table-hit_rate">.*?</table>', page, re.DOTALL)[0]
    heads = re.findall(r"<th [^>]*>", table)
    assert heads and all('aria-sort="none"' in head for head in heads) and table.count("<button") == len(heads)
    row = re.search(r"<tr class=\"winner\">.*?</tr>", table, re.DOTALL)[0]
    assert re.search(r'class="number"? ?[^>]*data-sort="\d', row)


def test_small_slices_are_greyed_and_shown(made):
    rows = re.findall(r'<tr class="small">.*?</tr>', made[0], re.DOTALL)
    assert rows and all(re.search(r'data-sort="12.0">12</td>', row) for row in rows)


def test_a_slice_called_na_keeps_its_name(made):
    assert re.search(r"<td>cold</td><td[^>]*>NA</td>", made[0])


def test_published_rows_are_marked(made):
    text = " ".join(read(made[0])[0].split())
    assert "GPT-4o mini (published)" in text and "other systems' figures on other users: not comparable" in text


def test_only_deeper_lists_raise_hits_and_the_family_is_stated(made):
    text = " ".join(read(made[0])[0].split())
    assert "only a re-ranker that reads a deeper candidate list can raise HR@20" in text
    assert "The family of tests, stated before" in text and "54 p-values" in text
    assert "The rungs are a family of 30 tests of their own, adjusted by Holm" in text


def test_the_ladder_and_its_gates_are_shown(made):
    page, _ = made
    table = re.search(r'<table class="sortable" id="table-ladder">.*?</table>', page, re.DOTALL)[0]
    assert table.count("<tr") - 1 == 3 * 5 * 2, "base models, comparisons, metrics"
    assert '<td>nfm</td><td class="step">lambdamart: encoder over words permuted</td><td>NDCG@10</td>' in table
    gates = re.search(r'id="table-gates">.*?</table>', page, re.DOTALL)[0]
    assert gates.count("undecided") == 3 * 5 and re.search(r'data-sort="2.2">2.20</td>', gates)


def test_controls_of_rungs_stand_in_the_ladder_alone(made):
    _, outputs = made
    ladder, effects = (outputs["figures"][name].read_text() for name in ("ladder", "effects"))
    assert "lambdamart: encoder over words permuted" in ladder and "lambdamart_words" in effects
    assert "permuted" not in effects and "random" in effects


def test_no_secret_and_no_path_is_shown(made, tmp_path_factory):
    page, outputs = made
    for text in (page, outputs["config"].read_text()):
        assert "secret" not in text.replace("Secrets are", "") and str(outputs["html"].parents[3]) not in text
    config = yaml.safe_load(outputs["config"].read_text())
    assert config["chat_models"]["gpt-4o-mini"]["base_url"] == "https://llm.example/v1"
    assert config["chat_models"]["gpt-4o-mini"]["key_variable"] == "OPENAI_API_KEY"
    assert [name for name in config["rerankers"] if name.startswith("lambdamart")] == ["lambdamart"]
    assert "lambdamart_words" not in config["run"]["rerankers"], "the workflow makes the rungs again"
    assert not {"rung", "rung_of", "over"} & set(config["rerankers"]["lambdamart"]), "keys that a config must not hold"
    assert "runs" not in config


def test_a_failed_audit_stops_the_page(tmp_path):
    inputs, outputs, settings = write_run(tmp_path)
    text = inputs["audit"].read_text().replace("true", "false", 2)
    inputs["audit"].write_text(text)
    with pytest.raises(InputError, match=r"audit\.json: found failed audits \['redrawn targets'\]"):
        report.main({**inputs, "figures": []}, outputs, settings)
    assert not outputs["html"].exists()


def test_the_same_run_gives_the_same_bytes(tmp_path):
    (first, files), (again, others) = (make(tmp_path / name, bases=("nfm",)) for name in ("first", "again"))
    assert again == first
    for name in ("config", "hit_rate_tex", "effects_md", "effects_tex"):
        assert others[name].read_bytes() == files[name].read_bytes()
    assert all(others["figures"][name].read_bytes() == files["figures"][name].read_bytes() for name in FIGURES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("base_model,seed\npop,1\n", "columns .* are missing"),
        (None, "found no file"),
        ("slice_by,n,base_model,seed,reranker,best,worst,gap,gap_low,gap_high\ng,ten,p,1,r,a,b,1,1,1\n", "column 'n'"),
    ],
)
def test_a_table_that_is_not_what_it_should_be_is_named(tmp_path, content, message):
    path = tmp_path / "gaps.csv"
    if content:
        path.write_text(content)
    with pytest.raises(InputError, match=rf"gaps\.csv.*{message}"):
        read_csv(path, "gaps")
