"""The word list of the tiny student: which words are one token. Any other word is spelled in bytes.

It is a list of common English words, of words that instructions are made of, and of the labels of the corpus.
"""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


COMMON = _words(
    """
    a about above after again all also always am an and any are as at back be because been before being below best
    better between big both but by call can case change check come could count day decide did different do does done
    down each early either else empty end ends enough equal error even every example exactly fact far few final find
    first fit fits follow for found free from full get give given go goes good group had half has have held here high
    hold holds hour hours how if in into is it its just keep kind know large larger largest last late later least leaves
    left less let like line list long look low made make many may mean meeting meetings more most much must need needs
    never new next no none nor not note nothing now number numbers of off often old on once one only open or order other
    our out over overlap own pair part past place plan point problem question read reply right room rooms rule run same
    say second see seen set she short should show side since single small smallest so some sort sorted start starts
    step steps still strategy such sum take tell text than that the their them then there these they thing think this
    those three through time times to together too total true try turn two under until up use used value very want was
    way we well were what when where whether which while who whole why will with without word words work would wrong
    write year yes yet you your
    """
)

CAPITALISED = _words(
    """
    A An And Any At Both But Count Decide Do Each Ends Events Every Find First For Give How I If In Is It Keep Look
    Meetings No Not Note Number One Only Peak Read Rooms Rule Running Say So Start Starts Step Strategy Take That The
    Then There They This To Two Use We What When Which Write Yes You Your ANSWER YES NO
    """
)

LABELS = _words(
    """
    amber birch cedar coral delta ember fern flint garnet harbor heron iris ivory jade lemon lilac linen maple meadow
    north olive opal orchid pearl pine quartz reed river sable slate south stone thistle tulip umber velvet west willow
    """
)

OPERATIONS = _words("close compare copy done firsts merge minus plus seconds size tag")

ROLES = ("system", "user", "assistant")
