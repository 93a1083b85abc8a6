/* Mends what axe-core finds in the markup of the theme, of MyST-NB, of pandas and of the bibliography. */
const each = (selector, mend) => document.querySelectorAll(selector).forEach(mend);

document.addEventListener("DOMContentLoaded", () => {
  // A label that hides the words one sees: speech input cannot press "Search this book" if it is called "Search".
  each(".search-button-field, .theme-switch-button, details.hide > summary", (e) => e.removeAttribute("aria-label"));
  each(".theme-switch-button", (e) => e.insertAdjacentHTML("beforeend", '<span class="visually-hidden">Color mode</span>'));
  // The book's name stands outside every landmark.
  each(".bd-sidebar-primary", (e) => { e.setAttribute("role", "region"); e.setAttribute("aria-label", "Book"); });
  each(".citation-list [role=doc-biblioentry]", (e) => e.setAttribute("role", "listitem"));
  each("table.dataframe th:empty", (e) => e.setAttribute("role", "presentation"));
});

// What scrolls sideways must be reachable with the keyboard. Formulas have their width once they are typeset.
window.addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  each("div.math, mjx-container[display], .cell_output > .output", (e) => { if (e.scrollWidth > e.clientWidth) e.tabIndex = 0; });
});
