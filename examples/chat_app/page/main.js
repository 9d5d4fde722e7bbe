import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { Door } from "./door.js";
import { keepInBrowser, keepInTab, makeId, recall } from "./memory.js";
import { MessageList } from "./message_list.js";
import { Outbox } from "./outbox.js";
import { People } from "./people.js";
import { Status } from "./status.js";

/** @import { ChatEvent } from "../protocol.ts" */

/** Close codes that ask for another name: taken, or not to be used. */
const BAD_NAME = [4000, 4002];

const room = roomOfAddress();
/** The secret by which this tab takes its place again. */
const key = recall("key") || makeId();
keepInTab("key", key);
let name = recall("name");
/** Whether the server makes what was written wait, as it was too much at once. */
let isSlow = false;

const outbox = new Outbox(room);
const people = new People();
const messages = new MessageList(showUnread);
const status = new Status(() => connection.connect());
const composer = new Composer(room, say);
const door = new Door(join);
const connection = new Connection(chatUrl(), {
  join: () => ({ type: "join", room, name, key, after: messages.lastId }),
  onEvent: receive,
  onState(state) {
    if (state.name === "ended" && BAD_NAME.includes(state.code)) {
      leaveToDoor(`${state.reason}.`);
    } else {
      status.show(state);
    }
  },
});

// Another room is another page.
addEventListener("hashchange", () => location.reload());
byId("leave").addEventListener("click", () => {
  keepInTab("joined", "");
  location.reload();
});

byId("title").textContent = room;
for (const message of outbox) messages.showUnsent(message);
showUnread(0);
if (recall("joined") !== "") enter();
else leaveToDoor();

/**
 * @param {string} newName
 * @param {string} newRoom
 */
function join(newName, newRoom) {
  name = newName;
  keepInBrowser("name", name);
  keepInTab("name", name);
  keepInTab("joined", "yes");
  if (newRoom === room) enter();
  else location.hash = encodeURIComponent(newRoom);
}

function enter() {
  door.close();
  byId("chat").hidden = false;
  composer.focus();
  connection.connect();
}

function leaveToDoor(error = "") {
  keepInTab("joined", "");
  byId("chat").hidden = true;
  door.open(name, room, error);
}

/** @param {ChatEvent} event */
function receive(event) {
  if (event.type === "welcome") {
    isSlow = false;
    people.set(event.people, event.name);
    messages.resume(event.messages, { own: event.name, gap: event.gap });
    for (const { id } of event.messages) outbox.remove(id);
    // What did not arrive before is sent again; the server knows it by its id.
    for (const message of outbox) connection.send({ type: "say", ...message });
  } else if (event.type === "said") {
    outbox.remove(event.message.id);
    messages.show(event.message);
    if (isSlow && outbox.isEmpty) {
      isSlow = false;
      status.show({ name: "open" });
    }
  } else if (event.type === "gap") {
    messages.showGap();
  } else if (event.type === "slow" && !outbox.isEmpty) {
    isSlow = true;
    status.show({ name: "slow" });
  } else if (event.type === "joined") {
    people.add(event.name);
  } else if (event.type === "left") {
    people.remove(event.name);
  }
}

/** @param {string} text */
function say(text) {
  if (outbox.isFull) return false;
  const message = outbox.add(text);
  messages.showUnsent(message);
  connection.send({ type: "say", ...message });
  return true;
}

/** @param {number} unread */
function showUnread(unread) {
  document.title = unread === 0 ? `${room} · Chat` : `(${unread}) ${room}`;
}

function roomOfAddress() {
  try {
    const room = decodeURIComponent(location.hash.slice(1)).trim();
    return room.toLowerCase().slice(0, 32) || "lobby";
  } catch {
    return "lobby";
  }
}

function chatUrl() {
  const url = new URL("chat", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  url.hash = "";
  return url;
}

/** @param {string} id */
function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}
