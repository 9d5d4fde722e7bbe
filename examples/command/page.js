/** Characters of output that the page keeps. */
const MAX_OUTPUT = 200_000;

const status = document.querySelector("#status");
const output = document.querySelector("#output");
const form = document.querySelector("#form");
const line = document.querySelector("#line");
const send = document.querySelector("#send");
const end = document.querySelector("#end");
const restart = document.querySelector("#restart");

const history = [];
let place = 0;
let socket;
let pending = "";

function start() {
  const url = new URL("ws", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  socket = new WebSocket(url);
  output.replaceChildren();
  pending = "";
  say("", "Starting");
  socket.onopen = () => {
    say("good", "Running");
    takeInput(true);
  };
  socket.onmessage = ({ data }) => print(data);
  socket.onclose = ({ code, reason }) => {
    const [first, ...rest] = reason || "Disconnected";
    say(code === 1000 ? "" : "bad", first.toUpperCase() + rest.join(""));
    takeInput(false);
    for (const control of [line, send, end]) control.hidden = true;
    restart.hidden = false;
    restart.focus();
  };
}

function takeInput(open) {
  for (const control of [line, send, end]) {
    control.disabled = !open;
    control.hidden = false;
  }
  restart.hidden = true;
  if (open) line.focus();
}

/** Shows output, at most once a frame. */
function print(text) {
  if (pending === "") requestAnimationFrame(flush);
  pending = (pending + text).slice(-MAX_OUTPUT);
}

function flush() {
  const text = pending;
  pending = "";
  append(text);
}

function append(...nodes) {
  const { scrollTop, clientHeight, scrollHeight } = output;
  const atEnd = scrollTop + clientHeight > scrollHeight - 20;
  output.append(...nodes);
  let excess = output.textContent.length - MAX_OUTPUT;
  while (excess > 0) {
    const { firstChild } = output;
    excess -= firstChild.textContent.length;
    firstChild.remove();
  }
  // Who has scrolled back wants to stay there.
  if (atEnd) output.scrollTop = output.scrollHeight;
}

function say(state, words) {
  status.dataset.state = state;
  status.textContent = words;
}

form.onsubmit = (event) => {
  event.preventDefault();
  if (socket.readyState !== WebSocket.OPEN) return;
  socket.send(line.value);
  const typed = document.createElement("span");
  typed.className = "typed";
  typed.append(line.value, "\n");
  append(typed);
  if (line.value !== "" && history.at(-1) !== line.value) {
    history.push(line.value);
  }
  place = history.length;
  line.value = "";
  line.focus();
};

line.onkeydown = (event) => {
  if (event.key === "ArrowUp" && place > 0) place--;
  else if (event.key === "ArrowDown" && place < history.length) place++;
  else if (event.key === "d" && event.ctrlKey && line.value === "") endInput();
  else return;
  event.preventDefault();
  line.value = history[place] ?? "";
};

// An empty binary message.
function endInput() {
  if (socket.readyState === WebSocket.OPEN) socket.send(new Uint8Array(0));
  takeInput(false);
  output.focus();
}

end.onclick = endInput;
restart.onclick = start;

takeInput(false);
start();
