"""The pictures of the page Sweeps while their tables have gaps, and what they say of themselves."""

from analysis.figures.sweep_row import NO_PROFILE, row_picture


def test_a_row_without_a_profile_is_an_empty_frame_that_says_so():
    picture = row_picture("GRU: one line for each gain", [])
    assert picture.figure.layout.title.text == picture.alt == NO_PROFILE
    assert not picture.figure.data
    assert picture.csv().splitlines() == ["run,lag,log_norm"]
