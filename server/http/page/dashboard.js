// The page: one stream of server-sent events (api/stream) in, everything shown out of what it told last.
'use strict';

const $ = id => document.getElementById(id);
const state = {status: null, clients: [], reliability: null, rounds: [], evaluations: new Map(), events: []};
const kPoints = 2000, kEvents = 200;
let sorted = {column: 'name', down: false};

// Text --------------------------------------------------------------------------------------------------------------

const known = value => value !== null && value !== undefined && Number.isFinite(value);
const real = (value, digits) => known(value) ? value.toFixed(digits) : '–';
const count = value => known(value) ? value.toLocaleString('en') : '–';
const percent = value => known(value) ? (100 * value).toFixed(2) + ' %' : '–';
function bytes(value) {
  if (!known(value)) return '–';
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) { value /= 1000; unit++; }
  return (unit === 0 ? value.toFixed(0) : value.toPrecision(3)) + ' ' + units[unit];
}
function duration(seconds) {
  if (!known(seconds) || seconds < 0) return '–';
  if (seconds < 0.01) return (1000 * seconds).toFixed(1) + ' ms';
  if (seconds < 1) return (1000 * seconds).toFixed(0) + ' ms';
  if (seconds < 90) return seconds.toFixed(seconds < 10 ? 1 : 0) + ' s';
  if (seconds < 5400) return (seconds / 60).toFixed(0) + ' min';
  return (seconds / 3600).toFixed(1) + ' h';
}
const words = name => name.toLowerCase().replace(/_(run|session|client|ballot)$/, '').replaceAll('_', ' ');
const element = (tag, text, name) => Object.assign(document.createElement(tag), {textContent: text, className: name || ''});

// Numbers -----------------------------------------------------------------------------------------------------------

function float32Bytes(s) {
  const block = 2 ** 20;
  const here = Math.min(s.parameters, (s.first_block + s.blocks) * block) - s.first_block * block;
  return 4 * here * (s.ballots_counted + s.decisions_delivered);
}

function tiles(s) {
  const spent = s.bytes_up + s.bytes_down, full = float32Bytes(s);
  const last = [...state.evaluations.values()].at(-1);
  const left = s.eta_seconds > 0 ? duration(s.eta_seconds) + ' left' : '';
  return [
    ['round', `${count(s.round)}`, `of ${count(s.rounds_total)}`],
    ['accuracy', last ? percent(last[1]) : '–', last ? `round ${last[0]}` : 'no observer yet'],
    ['loss', last ? real(last[2], 4) : '–', ''],
    ['rounds per second', s.seconds_per_round > 0 ? real(1 / s.seconds_per_round, 2) : '–', left],
    ['collect', duration(s.last_round.collect_seconds), 'last round'],
    ['decode', duration(s.last_round.decode_seconds), 'last round'],
    ['journal', duration(s.last_round.journal_seconds), 'last round'],
    ['bytes saved', spent > 0 ? bytes(full - spent) : '–', spent > 0 ? `${(full / spent).toFixed(1)} times less than float32` : ''],
    ['voters', count(s.voters), `${s.ballots} ballots of ${s.quorum} needed`],
    ['trust λ', real(s.trust, 2), s.rule],
  ];
}

function showStatus() {
  const s = state.status;
  if (!s) return;
  $('phase').textContent = words(s.phase);
  $('phase').className = 'badge ' + ({STALLED: 'bad', WAITING: 'off', PAUSED: 'off'}[s.phase] || '');
  $('progress').max = s.rounds_total;
  $('progress').value = s.round;
  $('problem').hidden = !s.problem;
  $('problem').textContent = s.problem;
  $('run').textContent = `run ${s.run} in ${s.directory}, ${count(s.parameters)} parameters`;
  document.title = `signvote: ${s.round}/${s.rounds_total}`;
  $('numbers').replaceChildren(...tiles(s).map(([name, value, note]) => {
    const tile = element('div', '');
    tile.dataset.number = name;
    tile.append(element('span', name), element('b', value), ' ', element('small', note));
    return tile;
  }));
}

// Clients -----------------------------------------------------------------------------------------------------------

const isVoter = c => c.role === 'VOTER' && c.rounds_counted > 0;
// [title, value to sort by, text]
const columns = [
  ['name', c => c.name, c => c.name],
  ['role', c => c.role, c => words(c.role)],
  ['batch', c => c.batch, c => c.role === 'VOTER' ? count(c.batch) : '–'],
  ['rounds', c => c.rounds_counted, c => count(c.rounds_counted)],
  ['crossover', c => isVoter(c) ? c.crossover : null, c => isVoter(c) ? real(c.crossover, 4) : '–'],
  ['weight', c => isVoter(c) ? c.mean_weight : null, c => isVoter(c) ? real(c.mean_weight, 3) : '–'],
  ['behind', c => c.rounds_behind, c => count(c.rounds_behind)],
  ['stale', c => c.stale_ballots, c => count(c.stale_ballots)],
  ['up', c => c.bytes_up, c => bytes(c.bytes_up)],
  ['down', c => c.bytes_down, c => bytes(c.bytes_down)],
  ['last seen', c => c.last_seen_seconds, c => duration(c.last_seen_seconds)],
  ['notes', c => notes(c), c => notes(c)],
];
const suspicionOf = name => state.reliability?.voters.find(v => v.name === name && v.suspicion !== 'NO_SUSPICION');

function notes(c) {
  const found = [];
  const suspicion = suspicionOf(c.name);
  if (suspicion) found.push(words(suspicion.suspicion));
  else if (c.different) found.push('put aside');
  if (c.evicted) found.push('evicted');
  if (!c.connected) found.push('away');
  else if (c.silent) found.push('silent');
  if (c.fingerprint_agrees === false) found.push('parameters differ');
  return found.join(', ');
}

function compare(a, b) {
  const [, value] = columns.find(([title]) => title === sorted.column);
  const [x, y] = [value(a), value(b)];
  if (known(x) !== known(y) && typeof x !== 'string') return known(x) ? -1 : 1;  // what is unknown comes last
  const order = typeof x === 'string' ? x.localeCompare(y, 'en', {numeric: true}) : (x ?? 0) - (y ?? 0);
  return (sorted.down ? -order : order) || a.name.localeCompare(b.name, 'en', {numeric: true});
}

function showClients() {
  $('clients').tBodies[0].replaceChildren(...[...state.clients].sort(compare).map(c => {
    const row = element('tr', '', suspicionOf(c.name) ? 'bad' : c.connected ? '' : 'away');
    row.dataset.name = c.name;
    row.append(...columns.map(([title, , text]) => {
      const cell = element('td', text(c));
      cell.dataset.column = title;
      return cell;
    }));
    return row;
  }));
}

function makeHeader() {
  $('clients').tHead.rows[0].replaceChildren(...columns.map(([title]) => {
    const cell = element('th', ''), button = element('button', title);
    button.onclick = () => {
      sorted = {column: title, down: sorted.column === title && !sorted.down};
      for (const other of $('clients').tHead.rows[0].cells) other.removeAttribute('aria-sort');
      cell.setAttribute('aria-sort', sorted.down ? 'descending' : 'ascending');
      showClients();
    };
    cell.append(button);
    return cell;
  }));
}

// Reliability -------------------------------------------------------------------------------------------------------

function showReliability() {
  const report = state.reliability;
  if (!report) return;
  const suspects = report.voters.filter(v => v.explanation);
  $('findings').hidden = suspects.length === 0;
  $('finding-list').replaceChildren(...suspects.map(v => {
    const item = element('li', '');
    const rest = v.explanation.startsWith(v.name) ? v.explanation.slice(v.name.length) : ': ' + v.explanation;
    item.append(element('strong', v.name), rest);
    return item;
  }));
  const rows = report.voters.map(v => ({
    name: v.name,
    bad: v.explanation !== '' || v.different,
    title: v.explanation || (v.different ? `${v.name} was put aside` : v.name),
  }));
  const compared = report.voters.some(v => v.agreement.length > 0);
  $('agreement').hidden = !compared;
  $('agreement-none').hidden = compared;
  $('agreement-none').textContent = `The rule ${state.status?.rule ?? ''} compares no voters with each other.`;
  if (compared) {
    const apart = report.voters.flatMap((v, i) => v.agreement.filter((x, k) => k !== i && known(x)).map(Math.abs));
    const scale = Math.max(0.01, ...apart);
    drawHeatmap($('agreement'), {rows, columns: rows.map(r => r.name), values: report.voters.map(v => v.agreement),
                                 colour: x => x / scale, digits: 2, diagonal: k => k});
  }
  const measured = report.voters.some(v => v.crossovers.some(known));
  $('crossover').hidden = !measured;
  $('crossover-none').hidden = measured;
  $('crossover-none').textContent = 'Nothing is measured, under this rule or yet.';
  if (measured) {
    const all = report.voters.flatMap(v => v.crossovers.filter(known));
    const scale = Math.max(0.02, ...all.map(p => Math.abs(p - 0.5)));
    drawHeatmap($('crossover'), {rows, columns: report.tensors, values: report.voters.map(v => v.crossovers),
                                 colour: p => (0.5 - p) / scale, digits: 3});
  }
}

// Events ------------------------------------------------------------------------------------------------------------

const alarming = new Set(['STALE_BALLOT', 'REFUSED_BALLOT', 'DISAGREED', 'MISSED_DEADLINE', 'DISK_REFUSED', 'EVICTED_CLIENT',
                          'SUSPECTED', 'SETTINGS_DIFFER']);
function showEvents() {
  $('events').tBodies[0].replaceChildren(...state.events.slice(-kEvents).reverse().map(e => {
    const row = element('tr', '', alarming.has(e.kind) ? 'bad' : '');
    row.dataset.kind = e.kind;
    row.append(element('td', new Date(1000 * e.unix_seconds).toLocaleTimeString()), element('td', `round ${e.round}`),
               element('td', e.client), element('td', words(e.kind)), element('td', e.detail));
    return row;
  }));
}

// Charts ------------------------------------------------------------------------------------------------------------

const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const charts = {};
const hues = ['#2f7de1', '#e0822d', '#28a06b', '#b05cc6'];

function makeChart(name, labels, more = {}) {
  const axis = () => ({grid: {color: css('--line')}, ticks: {color: css('--faint')}});
  charts[name] = new Chart($(name + '-chart'), {
    type: 'line',
    data: {datasets: labels.map((label, i) => ({label, data: [], borderColor: hues[i], backgroundColor: hues[i] + '55',
                                                 borderWidth: 1.6, pointRadius: 0, fill: more.stacked ? 'stack' : false}))},
    options: {
      animation: false, parsing: false, normalized: true, maintainAspectRatio: false,
      interaction: {mode: 'nearest', axis: 'x', intersect: false},
      plugins: {legend: {display: labels.length > 1, labels: {color: css('--text'), boxWidth: 12}}},
      scales: {x: {type: 'linear', ...axis()}, y: {...axis(), ...more.y, stacked: !!more.stacked}},
    },
  });
}

function makeCharts() {
  Object.values(charts).forEach(chart => chart.destroy());
  makeChart('accuracy', ['accuracy'], {y: {suggestedMax: 1}});
  makeChart('loss', ['loss']);
  makeChart('time', ['collect', 'decode', 'journal'], {stacked: true, y: {min: 0}});
  makeChart('rate', ['rounds per second'], {y: {min: 0}});
  makeChart('trust', ['trust λ'], {y: {min: 0, max: 1}});
  makeChart('bytes', ['up', 'down', 'float32 each way'], {y: {type: 'logarithmic'}});
}

function draw(name, ...series) {
  series.forEach((points, i) => { charts[name].data.datasets[i].data = points; });
  charts[name].update('none');
}

function showCharts() {
  const rounds = state.rounds, at = (row, key) => ({x: row.round, y: row[key]});
  const measured = [...state.evaluations.values()];
  draw('accuracy', measured.map(([x, y]) => ({x, y})));
  draw('loss', measured.map(([x, , y]) => ({x, y})));
  draw('time', ...['collect_seconds', 'decode_seconds', 'journal_seconds'].map(
      key => rounds.map(row => ({x: row.round, y: 1000 * row[key]}))));
  draw('trust', rounds.map(row => at(row, 'trust')));
  // Over at least a second, so that the clock's grain does not show.
  const rate = [];
  let from = rounds[0];
  for (const row of rounds) {
    if (row.seconds - from.seconds < 0) from = row;  // a restart began counting anew
    if (row.seconds - from.seconds < 1) continue;
    rate.push({x: row.round, y: (row.round - from.round) / (row.seconds - from.seconds)});
    from = row;
  }
  draw('rate', rate);
  const float32 = 4 * (state.status?.parameters ?? 0);
  draw('bytes', rounds.map(row => at(row, 'bytes_up')), rounds.map(row => at(row, 'bytes_down')),
       rounds.map(row => ({x: row.round, y: float32 * row.ballots})));
}

function takeRounds(message) {
  if (message.reset) {
    state.rounds = [];
    state.evaluations.clear();
  }
  for (const values of message.rounds) {
    state.rounds.push(Object.fromEntries(message.columns.map((name, i) => [name, values[i]])));
  }
  if (state.rounds.length > kPoints) state.rounds = state.rounds.filter((_, i, all) => i % 2 === 1 || i === all.length - 1);
  takeEvaluations(message.evaluations);
}

function takeEvaluations(list) {
  let disordered = false;
  for (const evaluation of list) {
    disordered ||= !state.evaluations.has(evaluation[0]) && evaluation[0] < ([...state.evaluations.keys()].at(-1) ?? 0);
    state.evaluations.set(evaluation[0], evaluation);
  }
  if (disordered) state.evaluations = new Map([...state.evaluations].sort(([a], [b]) => a - b));
}

// The stream --------------------------------------------------------------------------------------------------------

function connected(is) {
  $('live').textContent = is ? 'live' : 'connection lost, trying again';
  $('live').className = 'badge ' + (is ? 'on' : 'off');
}

const takers = {
  status: s => { state.status = s; takeEvaluations(s.evaluations.map(e => [e.round, e.accuracy === 'NaN' ? null : e.accuracy, e.loss])); showStatus(); },
  clients: message => { state.clients = message.clients; showClients(); },
  reliability: report => { state.reliability = report; showReliability(); showClients(); },
  rounds: message => { takeRounds(message); showStatus(); showCharts(); },
  events: list => {
    const replaced = new Set(list.map(e => e.replaces));
    state.events = [...state.events, ...list].filter(e => !replaced.has(e.id)).slice(-1024);
    showEvents();
  },
};

function connect() {
  const stream = new EventSource('api/stream');
  stream.onopen = () => { connected(true); state.events = []; };
  stream.onerror = () => {
    connected(false);
    stream.close();
    setTimeout(connect, 1000);
  };
  for (const [name, take] of Object.entries(takers)) {
    stream.addEventListener(name, event => take(JSON.parse(event.data)));
  }
}

makeHeader();
makeCharts();
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { makeCharts(); showCharts(); });
connect();
