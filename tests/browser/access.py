"""What axe does not look at: headings in order, targets of 24 px, one tab stop per chart, a focus to be seen."""

from browsing import settle
from playwright.sync_api import Page

LOOK = """async () => {
    const all = [];
    const walk = node => {
        if (node.shadowRoot) walk(node.shadowRoot);
        for (const child of node.children ?? []) { all.push(child); walk(child); }
    };
    walk(document.body);
    const isSeen = e => {
        const { width, height } = e.getBoundingClientRect();
        return width > 0 && height > 0 && getComputedStyle(e).visibility !== "hidden";
    };
    const name = e => `${e.tagName} ${e.getAttribute("aria-label") ?? e.textContent.slice(0, 30)}`;
    const faults = [];

    let level = 0;
    for (const heading of all.filter(e => /^H[1-6]$/.test(e.tagName) && isSeen(e))) {
        const next = Number(heading.tagName[1]);
        if (next > level + 1) faults.push(`${name(heading)} comes after level ${level}`);
        level = next;
    }

    const stops = all.filter(e => e.tabIndex >= 0 && !e.disabled && isSeen(e) && e.tagName !== "MAIN");
    for (const stop of stops) {
        const target = stop.tagName === "INPUT" && stop.closest("label") || stop; // a label takes the click, too
        const { width, height } = target.getBoundingClientRect();
        const isSkip = stop.textContent === "Skip to main content"; // grows with the focus
        if (!isSkip && Math.min(width, height) < 23.5) faults.push(`${name(stop)} is ${width} × ${height} px`);
    }
    for (const chart of document.querySelectorAll(".live-chart-plot")) {
        const own = stops.filter(stop => chart.contains(stop));
        if (own.length > 1) faults.push(`${name(own[1])} is one more tab stop of ${chart.parentElement.dataset.key}`);
    }

    const around = e => [e, e.parentElement, e.parentElement?.parentElement, e.closest("label")].filter(Boolean);
    const rings = e => around(e).map(part => {
        const { outlineStyle, outlineWidth, boxShadow, borderColor } = getComputedStyle(part);
        return [outlineStyle, outlineWidth, boxShadow, borderColor].join(" ");
    });
    const isThumb = e => e.type === "range" && e.getRootNode() !== document; // the thumb has the ring, not the input
    for (const stop of stops.filter(stop => !isThumb(stop))) {
        document.activeElement?.blur();
        const before = rings(stop).join();
        stop.focus({ preventScroll: true });
        await new Promise(resolve => setTimeout(resolve)); // Streamlit's own widgets say it a moment later
        // Not where the focus goes elsewhere: a folded part takes none, and a group gives it to its chosen button.
        if (stop.getRootNode().activeElement !== stop) continue;
        if (rings(stop).join() === before) faults.push(`${name(stop)} does not show its focus`);
    }
    return [...new Set(faults)];
}"""


def faults_of_access(page: Page) -> list[str]:
    """A sentence per fault of the page as it is now."""
    settle(page)
    page.keyboard.press("Tab")  # from now on the focus is a key's, which has to be seen
    page.add_style_tag(content="* { transition: none !important; }")
    faults: list[str] = page.evaluate(LOOK)
    return faults
