// The script of the page. It sends requests to its own server and shows the answers. All content is set as text, never as
// HTML. The user and the ratings are stored in the address, so that a view can be shared.

const PAGE_SIZE = 10;
const HISTORY_PAGE_SIZE = 50;
const MAX_RATINGS = 50;

const byId = (id) => document.getElementById(id);
const plain = new Intl.NumberFormat('en');
const stars = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 });

let generation = null;
let user = null;
// The visitor's own ratings by the movie's id, in the order in which they were given.
const own = new Map();

/** Creates an element with text or other elements in it. */
function element(name, properties = {}, ...content) {
  const created = Object.assign(document.createElement(name), properties);
  created.append(...content);
  return created;
}

/** Fetches JSON. Throws the detail of an error response. */
async function fetchJson(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error('The server does not answer.');
  }
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(body.detail ?? `The server answered ${response.status}.`);
  const id = response.headers.get('x-generation');
  // A new generation is served, or two servers differ for a while.
  if (generation && id && id !== generation.id) updateSoon();
  return { body, source: response.headers.get('x-recommendation-source') };
}

/** Runs work that may fail, and shows its error. Of two calls for the same element only the later is shown. */
const latest = new Map();
async function show(says, work) {
  const turn = (latest.get(says) ?? 0) + 1;
  latest.set(says, turn);
  const isLatest = () => latest.get(says) === turn;
  try {
    await work(isLatest);
  } catch (error) {
    if (isLatest()) say(says, error.message, true);
  }
}

function say(says, text, isWrong = false) {
  byId(says).textContent = text;
  byId(says).classList.toggle('wrong', isWrong);
}

// --- The generation ---

function age(seconds) {
  for (const [unit, length] of [['day', 86400], ['hour', 3600], ['minute', 60]]) {
    const n = Math.floor(seconds / length);
    if (n > 0) return `${n} ${unit}${n === 1 ? '' : 's'} old`;
  }
  return 'less than a minute old';
}

const SOON = 5000;
let nextUpdate;
let isSoon = false;

/** Schedules an update of the generation, once for any number of calls. */
function updateSoon() {
  if (isSoon) return;
  isSoon = true;
  clearTimeout(nextUpdate);
  nextUpdate = setTimeout(updateGeneration, SOON);
}

async function updateGeneration() {
  let delay = 30000;
  isSoon = false;
  try {
    const before = generation;
    const response = await fetch('/generation');
    if (response.status === 503) {
      delay = 3000;
      const { detail } = await response.json();
      byId('generation').textContent = `Not ready: ${detail}. This page updates itself.`;
      return;
    }
    if (!response.ok) throw new Error();
    const answered = await response.json();
    const { id, age_seconds: seconds, counts, metrics } = answered;
    const parts = [`Generation ${id}, ${age(seconds)}`];
    parts.push(`${plain.format(counts.users)} users, ${plain.format(counts.movies)} movies, ${plain.format(counts.ratings)} ratings`);
    if (metrics.rmse !== undefined) parts.push(`RMSE ${metrics.rmse.toFixed(2)}`);
    if (metrics['ndcg@10'] !== undefined) parts.push(`NDCG@10 ${metrics['ndcg@10'].toFixed(2)}`);
    byId('generation').textContent = parts.join(' · ');
    generation = answered;
    if (before?.id !== id) showGeneration();
  } catch {
    byId('generation').textContent = 'The server does not answer.';
  } finally {
    if (!isSoon) {
      clearTimeout(nextUpdate);
      nextUpdate = setTimeout(updateGeneration, delay);
    }
  }
}

/** Updates the page for another generation. */
function showGeneration() {
  const canFoldIn = generation.stars !== null;
  byId('own').hidden = byId('own-hint').hidden = !canFoldIn;
  byId('no-own').hidden = canFoldIn;
  show('user-says', async () => {
    const { body } = await fetchJson('/users?n=12');
    byId('some-users').replaceChildren(...body.users.map((id) => {
      const button = element('button', { type: 'button', textContent: id });
      button.addEventListener('click', () => { chooseUser(id); });
      return button;
    }));
    markUser();
  });
  readAddress();
}

// --- A user's list and history ---

function chooseUser(id) {
  user = String(id);
  writeAddress();
  showUser(PAGE_SIZE);
}

function markUser() {
  for (const button of byId('some-users').children) {
    button.setAttribute('aria-current', String(button.textContent === user));
  }
}

function movie({ title, genres }, given, label, ...more) {
  const head = element('div', { className: 'head' }, element('span', { className: 'title', textContent: title }));
  if (given !== undefined && given !== null) {
    const figure = element('span', { className: 'given', textContent: `★ ${stars.format(given)}` });
    figure.append(element('span', { className: 'about', textContent: ` ${label}` }));
    head.append(figure);
  }
  const about = element('div', { className: 'about', textContent: genres.join(', ') || 'no genre' });
  return element('li', {}, head, about, ...more);
}

/** Creates the reasons of a recommendation, which are fetched when they are opened. */
function reasonsOf(id, of) {
  const list = element('ul');
  const details = element('details', {}, element('summary', { textContent: 'Why?' }), list);
  details.addEventListener('toggle', async () => {
    if (!details.open || list.children.length) return;
    list.replaceChildren(element('li', { textContent: 'Loading…' }));
    try {
      const { body } = await fetchJson(`/users/${of}/because?movie=${id}&n=3&returnMetadata=true`);
      const reasons = body.because.map(({ title, share }) =>
        element('li', { textContent: `${title}: ${Math.round(share * 100)} % of the match` }));
      list.replaceChildren(...(reasons.length ? reasons : [element('li', { textContent: 'No single rating contributes to it.' })]));
    } catch (error) {
      list.replaceChildren(element('li', { textContent: error.message }));
    }
  });
  return details;
}

function showUser(n) {
  const id = user;
  byId('user').value = id;
  markUser();
  return show('user-says', async (isLatest) => {
    if (!/^\d+$/.test(id)) {
      byId('user-answer').hidden = true;
      throw new Error('A user id is a whole number, such as 18.');
    }
    const requested = Math.min(n, generation?.counts.depth ?? n);
    byId('user-answer').ariaBusy = 'true';
    try {
      const [list, history] = await Promise.all([
        fetchJson(`/recommendations?user_id=${id}&n=${requested}&returnMetadata=true&withScores=true`),
        fetchJson(`/features?user_id=${id}&returnMetadata=true`),
      ]);
      if (!isLatest()) return;
      showList(id, list, requested);
      showHistory(history.body.features[0].movies, PAGE_SIZE);
      byId('user-answer').hidden = false;
    } catch (error) {
      if (isLatest()) byId('user-answer').hidden = true;
      throw error;
    } finally {
      byId('user-answer').ariaBusy = 'false';
    }
  });
}

function showList(id, { body, source }, requested) {
  const isKnown = source === 'personal';
  const hasReasons = isKnown && generation?.stars;
  byId('list').replaceChildren(...body.items.map((item) =>
    movie(item, item.rating, isKnown ? 'predicted' : 'on average', ...(hasReasons ? [reasonsOf(item.id, id)] : []))));
  byId('list-order').hidden = !hasReasons;
  byId('list-heading').textContent = isKnown ? `Recommended to user ${id}` : 'Popular movies';
  byId('more-list').hidden = body.items.length < requested || requested >= generation?.counts.depth;
  byId('more-list').onclick = () => showUser(requested + PAGE_SIZE);
  say('user-says', isKnown
    ? `${body.items.length} movies for user ${id}.`
    : `User ${id} is not in the data; these are the most rated movies.`);
}

function showHistory(movies, n) {
  const best = [...movies].sort((a, b) => b.rating - a.rating || a.id - b.id);
  byId('history').replaceChildren(...best.slice(0, n).map((item) => movie(item, item.rating, 'given')));
  byId('history-heading').textContent = `Has rated ${plain.format(movies.length)} ${movies.length === 1 ? 'movie' : 'movies'}`;
  byId('more-history').hidden = movies.length <= n;
  byId('more-history').onclick = () => showHistory(movies, n + HISTORY_PAGE_SIZE);
}

// --- The visitor's own ratings ---

function search(isDone) {
  const title = byId('title').value.trim();
  return show('search-says', async (isLatest) => {
    const items = title ? (await fetchJson(`/movies?title=${encodeURIComponent(title)}&n=8`)).body.items : [];
    if (!isLatest()) return;
    byId('found').replaceChildren(...items.map((item) => {
      const button = element('button', { type: 'button' }, element('span', { className: 'title', textContent: item.title }),
        element('span', { className: 'about', textContent: item.genres.join(', ') }));
      button.addEventListener('click', () => rate(item));
      return element('li', {}, button);
    }));
    const found = items.length === 1 ? '1 movie found.' : `${items.length} movies found.`;
    say('search-says', !title ? '' : items.length ? `${found} Choose one to rate it.` : 'No movie has such a title.');
    if (isDone) byId('found').querySelector('button')?.focus();
  });
}

function rate({ id, title, genres }) {
  if (!own.has(id) && own.size >= MAX_RATINGS) return say('search-says', `${MAX_RATINGS} ratings are enough.`, true);
  const rating = own.get(id)?.rating ?? Math.min(4, generation.stars.max);
  own.set(id, { id, title, genres, rating });
  byId('title').value = '';
  byId('found').replaceChildren();
  say('search-says', '');
  updateRatings();
  byId(`stars-${id}`).querySelector(':checked')?.focus();
}

/** Creates a choice of half stars, a group of radio buttons. */
function starChoice({ id, title, rating }) {
  const { min, max } = generation.stars;
  const group = element('fieldset', { className: 'stars', id: `stars-${id}` });
  group.append(element('legend', { textContent: `Stars for ${title}` }));
  for (let value = 0.5; value <= max; value += 0.5) {
    const radio = element('input', { type: 'radio', name: `stars-${id}`, value, checked: value === rating, disabled: value < min });
    radio.ariaLabel = `${value} ${value === 1 ? 'star' : 'stars'}`;
    radio.addEventListener('change', () => { own.get(id).rating = value; updateRatings(false); });
    const star = element('span');
    star.ariaHidden = 'true';
    group.append(element('label', { className: value % 1 ? 'left' : 'right', title: radio.ariaLabel }, radio, star));
  }
  return group;
}

function updateRatings(isRedrawn = true) {
  if (isRedrawn) {
    byId('ratings').replaceChildren(...[...own.values()].map((one) => {
      const remove = element('button', { type: 'button', textContent: 'Remove' });
      remove.ariaLabel = `Remove ${one.title}`;
      remove.addEventListener('click', () => { own.delete(one.id); updateRatings(); byId('title').focus(); });
      return movie(one, null, '', element('div', { className: 'rated' }, starChoice(one), remove));
    }));
  }
  writeAddress();
  return show('own-says', async (isLatest) => {
    if (!own.size) {
      byId('own-list').replaceChildren();
      return say('own-says', 'Nothing is rated yet.');
    }
    const ratings = [...own.values()].map(({ id, rating }) => ({ id, rating }));
    const n = Math.min(PAGE_SIZE, generation.counts.depth);
    const { body, source } = await fetchJson('/recommendations', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ratings, n, returnMetadata: true }),
    });
    if (!isLatest()) return;
    byId('own-list').replaceChildren(...body.items.map((item) => movie(item)));
    const rated = own.size === 1 ? 'one rating' : `${own.size} ratings`;
    say('own-says', source === 'fold-in' ? `${body.items.length} movies, from ${rated}.` : 'None of your movies has ratings in the data; these are the most rated movies.');
  });
}

// --- The address ---

function writeAddress() {
  const parts = [];
  if (user !== null) parts.push(`user=${encodeURIComponent(user)}`);
  if (own.size) parts.push(`ratings=${[...own.values()].map(({ id, rating }) => `${id}:${rating}`).join(',')}`);
  const hash = parts.length ? `#${parts.join('&')}` : location.pathname;
  if (hash !== location.hash) history.replaceState(null, '', hash);
}

function readAddress() {
  if (!generation) return;
  const given = new URLSearchParams(location.hash.slice(1));
  user = given.get('user');
  if (user === null) byId('user-answer').hidden = true;
  else showUser(PAGE_SIZE);
  const ratings = [...(given.get('ratings') ?? '').matchAll(/(\d+):(\d+(?:\.5)?)/g)].slice(0, MAX_RATINGS);
  if (generation.stars === null) return;
  show('own-says', async (isLatest) => {
    // A movie may be missing in this generation; its rating stays in the address, in case the next has it.
    const unknown = (id) => ({ id, title: `Movie ${id} (not in this generation)`, genres: [] });
    const movies = await Promise.all(ratings.map(([, given]) => {
      const id = Number(given);
      return own.get(id) ?? fetchJson(`/movies/${id}`).then(({ body }) => body, () => unknown(id));
    }));
    if (!isLatest()) return;
    own.clear();
    movies.forEach((one, at) => own.set(one.id, { ...one, rating: Number(ratings[at][2]) }));
    updateRatings();
  });
}

// --- Events ---

byId('user-form').addEventListener('submit', (event) => {
  event.preventDefault();
  chooseUser(byId('user').value.trim());
});
byId('any-user').addEventListener('click', () => show('user-says', async () => {
  const { users } = (await fetchJson('/users?n=50')).body;
  if (users.length) chooseUser(users[Math.floor(Math.random() * users.length)]);
}));
let typed;
byId('title').addEventListener('input', () => {
  clearTimeout(typed);
  typed = setTimeout(search, 150);
});
byId('search-form').addEventListener('submit', (event) => {
  event.preventDefault();
  clearTimeout(typed);
  search(true);
});
// The arrow keys move between the field and the movies found; Escape closes the movies found.
for (const place of ['title', 'found']) {
  byId(place).addEventListener('keydown', (event) => {
    const stops = [byId('title'), ...byId('found').querySelectorAll('button')];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const next = event.key === 'Escape' ? stops[0] : stops[stops.indexOf(document.activeElement) + step];
    if (event.key === 'Escape') byId('found').replaceChildren();
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
}
addEventListener('hashchange', readAddress);
updateGeneration();
