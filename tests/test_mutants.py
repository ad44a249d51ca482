"""``make mutants`` can be run: every mutant still changes one line of the code as it is."""

from conftest import ROOT
from mutants import MUTANTS


def test_every_mutant_is_of_a_line_that_there_is():
    assert len(MUTANTS) >= 60
    assert [str(mutant) for mutant in MUTANTS if len(mutant.places(ROOT)) != 1] == []
