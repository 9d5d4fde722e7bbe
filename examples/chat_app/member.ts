import type { Conn } from "../../mod.ts";
import type { ChatEvent } from "./protocol.ts";

/**
 * A person in a room: a name, and the connection to the page.
 *
 * Nothing here waits. A page that reads too slowly is cut by the connection's
 * `writeLimit`; that and every other failure is seen where the connection is
 * read.
 */
export class Member {
  readonly name: string;
  /** The secret by which the page may take its place again. */
  readonly key: string;
  readonly conn: Conn;

  constructor(conn: Conn, name: string, key: string) {
    this.conn = conn;
    this.name = name;
    this.key = key;
  }

  send(event: ChatEvent): void {
    this.conn.writeJSON(event);
  }

  close(code: number, reason: string): void {
    this.conn.close(code, reason);
  }
}
