const LONGEST_WAIT = 30_000;

const name = document.querySelector("#name");
const note = document.querySelector("#note");
const status = document.querySelector("#status");
const text = document.querySelector("#text");
const follow = document.querySelector("#follow");

let version = "";
let lines = [];
let wait = 1_000;

function connect() {
  const url = new URL("ws", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  // The server sends nothing if this is what the file is like still.
  url.searchParams.set("version", version);
  const socket = new WebSocket(url);
  socket.onopen = () => {
    wait = 1_000;
    say("good", "Connected");
  };
  socket.onmessage = ({ data }) => show(JSON.parse(data));
  // Not all pages at once, and ever more seldom.
  socket.onclose = () => {
    say("bad", "Disconnected, trying again");
    setTimeout(connect, wait * (0.5 + Math.random() / 2));
    wait = Math.min(2 * wait, LONGEST_WAIT);
  };
}

function show(file) {
  const first = version === "";
  version = file.version;
  name.textContent = file.name;
  document.title = file.name;
  note.hidden = file.error === undefined && !file.cut;
  note.textContent = file.error ?? "Only the end of this long file is shown.";
  if (file.error !== undefined) {
    say("bad", "Cannot be read");
    return;
  }
  const time = new Date(file.modified).toLocaleTimeString();
  say("good", first ? `Modified at ${time}` : `Updated at ${time}`);

  const before = lines;
  lines = file.text.split(/(?<=\n)/);
  const [start, end] = first ? [0, 0] : difference(before, lines);
  const changed = document.createElement("mark");
  changed.append(lines.slice(start, end).join(""));
  text.replaceChildren(
    lines.slice(0, start).join(""),
    ...(start < end ? [changed] : []),
    lines.slice(end).join(""),
  );
  if (follow.checked) text.scrollTop = text.scrollHeight;
}

/** Between which lines the new text differs from the old one. */
function difference(before, after) {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start++;
  let same = 0;
  while (
    same < shorter - start && before.at(-1 - same) === after.at(-1 - same)
  ) same++;
  return [start, after.length - same];
}

function say(state, words) {
  status.dataset.state = state;
  status.textContent = words;
}

follow.onchange = () => {
  if (follow.checked) text.scrollTop = text.scrollHeight;
};

connect();
