import pytest

from shapelab.core.runs.advice.doctor import Finding
from shapelab.gui.training.doctor_box import DoctorBox

COLLAPSED = Finding("problem", "kl_collapsed", "It has collapsed.", "delta", "Raise delta.", 900)
PLATEAU = Finding("hint", "plateau", "It stands <still>.", "final_learning_rate", "Stop here.", 950)


@pytest.fixture
def box(qtbot):
    box = DoctorBox()
    qtbot.addWidget(box)
    with qtbot.waitExposed(box):
        box.show()
    return box


def test_all_is_well_only_after_enough_steps(box):
    assert box.state.text() == "The doctor has an opinion after 20 logged lines."
    box.show_findings([], ready=True)
    assert box.state.text() == "Nothing to worry about."
    assert box.state.isVisible()


def test_findings_say_what_is_wrong_and_what_helps(qtbot, box):
    box.show_findings([COLLAPSED, PLATEAU], ready=True)
    assert not box.state.isVisible()
    assert [card.sentence.text() for card in box.cards] == [
        "It has collapsed.",
        "It stands <still>.",
    ]
    assert box.cards[0].advice.text() == "What helps: Raise delta."
    assert box.cards[0].toolTip() == "Seen at step 900"
    qtbot.waitUntil(lambda: all(card.isVisible() for card in box.cards))
    colors = [card.grab().toImage().pixelColor(21, 12).name() for card in box.cards]
    assert colors[0] != colors[1]


def test_findings_come_and_go_and_the_same_ones_change_nothing(box):
    box.show_findings([COLLAPSED, PLATEAU], ready=True)
    first = box.cards[0]
    box.show_findings([COLLAPSED, PLATEAU], ready=True)
    assert box.cards[0] is first
    box.show_findings([PLATEAU], ready=True)
    assert [card.sentence.text() for card in box.cards] == ["It stands <still>."]
    box.show_findings([], ready=True)
    assert box.cards == []
    assert box.state.text() == "Nothing to worry about."


def test_none_is_kept_back_and_the_worst_come_first(box):
    third = Finding("warning", "damaged", "One was set aside.", "", "Check the disk.", 3)
    box.show_findings([COLLAPSED, PLATEAU, third], ready=True)
    assert len(box.cards) == 2
    assert box.more.text() == "1 more…"
    box.more.click()
    assert [card.sentence.text() for card in box.cards][-1] == "One was set aside."
    box.show_findings([COLLAPSED], ready=True)
    assert len(box.cards) == 1
    assert not box.more.isVisible()
