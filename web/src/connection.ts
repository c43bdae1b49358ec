// The WebSocket to the exchange: connects, notices silence, and connects again, each time waiting a little longer.

import type { FromExchange, ToExchange } from "./messages.ts";

export type Link =
  | { state: "connecting" }
  | { state: "live" }
  | { state: "lost"; reason: string; retryAt: number };

/** The exchange speaks at least once a second; after this long without a word the line is dead. */
const SILENCE_MS = 6_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;

export class Connection {
  #socket: WebSocket | null = null;
  #wait = FIRST_WAIT_MS;
  #retry: number | undefined;
  #silence: number | undefined;

  constructor(
    private readonly url: string,
    private readonly onMessage: (message: FromExchange) => void,
    private readonly onLink: (link: Link) => void,
  ) {}

  /** Connects now, unless it is connected or about to be. */
  open(): void {
    if (this.#socket !== null) return;
    clearTimeout(this.#retry);
    this.onLink({ state: "connecting" });
    const socket = new WebSocket(this.url);
    this.#socket = socket;
    socket.onopen = () => {
      this.#heard();
      this.onLink({ state: "live" });
    };
    socket.onmessage = (event: MessageEvent<string>) => {
      this.#heard();
      this.#wait = FIRST_WAIT_MS;
      this.onMessage(JSON.parse(event.data) as FromExchange);
    };
    socket.onclose = (event) => this.#lost(socket, event.reason || "The exchange cannot be reached.");
    this.#heard();
  }

  /** Says something; what is said while not connected is dropped, because it is said again on connecting. */
  send(message: ToExchange): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #heard(): void {
    clearTimeout(this.#silence);
    const socket = this.#socket;
    this.#silence = setTimeout(() => {
      socket?.close();
      if (socket) this.#lost(socket, "The exchange has gone silent.");
    }, SILENCE_MS);
  }

  #lost(socket: WebSocket, reason: string): void {
    if (this.#socket !== socket) return;
    this.#socket = null;
    clearTimeout(this.#silence);
    const wait = this.#wait * (0.8 + 0.4 * Math.random());
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
    this.#retry = setTimeout(() => this.open(), wait);
    this.onLink({ state: "lost", reason, retryAt: Date.now() + wait });
  }
}
