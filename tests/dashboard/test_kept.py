"""A page's settings outlive its widgets."""

from streamlit.testing.v1 import AppTest


def two_pages() -> None:
    import streamlit as st

    from dashboard.components.address import note_arrival
    from dashboard.explore.control import Whole
    from dashboard.kept import Kept

    page = st.session_state.get("where", "settings")
    note_arrival(page)
    if page == "settings":
        kept = Kept(page, {"number": Whole("Number", 1, 0, 9)})
        kept.prepare()
        if st.session_state.get("needed"):
            st.number_input("Number", 0, 9, key=kept.key("number"))
        kept.keep()
        st.text(kept.values()["number"])


def test_a_widget_that_came_later_than_its_page_has_its_last_value_after_another_page():
    page = AppTest.from_function(two_pages).run()
    page.session_state["needed"] = True
    page.run().number_input[0].set_value(5).run()
    assert page.text[0].value == "5"
    page.session_state["where"] = "elsewhere"
    page.run()
    page.session_state["where"] = "settings"
    assert page.run().text[0].value == "5"
    assert page.number_input[0].value == 5
