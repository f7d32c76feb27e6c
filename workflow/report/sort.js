// A click on a head sorts its table; a second click turns the order round. Cells without a value stay last.
document.querySelectorAll("table.sortable th button").forEach(function (button) {
  button.addEventListener("click", function () {
    var head = button.closest("th"), table = head.closest("table"), body = table.tBodies[0];
    var column = Array.prototype.indexOf.call(head.parentNode.children, head);
    var number = head.classList.contains("number");
    var up = head.getAttribute("aria-sort") === (number ? "descending" : "none");
    table.querySelectorAll("th").forEach(function (other) { other.setAttribute("aria-sort", "none"); });
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    var rows = Array.prototype.map.call(body.rows, function (row) {
      var cell = row.cells[column], key = cell.getAttribute("data-sort");
      var text = cell.textContent.trim();
      return { row: row, key: key === null ? (number ? null : text) : Number(key) };
    });
    rows.sort(function (a, b) {
      if (a.key === null || b.key === null) return (a.key === null) - (b.key === null);
      var order = typeof a.key === "number" && typeof b.key === "number" ? a.key - b.key
        : String(a.key).localeCompare(String(b.key));
      return up ? order : -order;
    });
    rows.forEach(function (entry) { body.appendChild(entry.row); });
  });
});
