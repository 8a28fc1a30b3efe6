// A heat map as a table: rows and columns by name, a colour and a number in each cell.
'use strict';

// t from -1 (red) over 0 (the card's own colour) to 1 (blue), readable on light and dark ground.
function heatColour(t) {
  const strength = Math.min(1, Math.abs(t));
  return t < 0 ? `rgba(214, 48, 49, ${0.9 * strength})` : `rgba(37, 99, 201, ${0.9 * strength})`;
}

// map: {rows: [{name, bad, title}], columns: [name], values: [[number or null]], colour(value) -> -1..1, digits}
function drawHeatmap(table, map) {
  const make = (tag, text) => Object.assign(document.createElement(tag), {textContent: text});
  const head = make('tr', '');
  head.append(make('th', ''), ...map.columns.map(name => make('th', name)));
  const rows = map.rows.map((row, i) => {
    const line = make('tr', '');
    line.dataset.name = row.name;
    line.className = row.bad ? 'bad' : '';
    line.title = row.title;
    line.append(make('th', row.name));
    map.values[i].forEach((value, k) => {
      const cell = make('td', value === null || map.columns.length > 24 ? '' : value.toFixed(map.digits));
      if (value !== null && i !== map.diagonal?.(k)) {
        const t = map.colour(value);
        cell.style.background = heatColour(t);
        if (Math.abs(t) > 0.6) cell.style.color = '#fff';
      }
      cell.title = `${row.name}, ${map.columns[k]}: ${value === null ? 'not measured' : value.toFixed(4)}`;
      line.append(cell);
    });
    return line;
  });
  const thead = make('thead', ''), tbody = make('tbody', '');
  thead.append(head);
  tbody.append(...rows);
  table.replaceChildren(thead, tbody);
}
