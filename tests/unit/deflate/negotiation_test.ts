import { assertEquals } from "@std/assert";
import {
  acceptOffers,
  formatOffer,
  verifyAnswer,
} from "../../../src/deflate/negotiation.ts";
import {
  type CompressionOptions,
  compressionSettings,
} from "../../../src/deflate/options.ts";
import { parseExtensions } from "../../../src/handshake/extensions.ts";
import { test } from "../../support/helper.ts";

const PMD = "permessage-deflate";
const NO_TAKEOVER = `${PMD}; server_no_context_takeover; ` +
  "client_no_context_takeover";
const TAKEOVER: CompressionOptions = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
};

/** Server window bits and takeover, then the client's: `15+ 9-`. */
function accept(
  offer: string,
  options: CompressionOptions = {},
): [header: string, agreed: string] | undefined {
  const agreement = acceptOffers(
    parseExtensions(offer)!,
    compressionSettings(options)!,
  );
  return agreement && [agreement.header, describe(agreement)];
}

function describe(
  { server, client }: NonNullable<ReturnType<typeof acceptOffers>>,
): string {
  return [server, client].map(({ windowBits, contextTakeover }) =>
    `${windowBits}${contextTakeover ? "+" : "-"}`
  ).join(" ");
}

const ACCEPTED: [
  offer: string,
  options: CompressionOptions,
  header: string,
  agreed: string,
][] = [
  [PMD, {}, NO_TAKEOVER, "15- 15-"],
  [PMD, TAKEOVER, PMD, "15+ 15+"],
  [NO_TAKEOVER, TAKEOVER, NO_TAKEOVER, "15- 15-"],
  [
    `${PMD}; server_no_context_takeover`,
    TAKEOVER,
    `${PMD}; server_no_context_takeover`,
    "15- 15+",
  ],
  [
    `${PMD}; client_no_context_takeover`,
    TAKEOVER,
    `${PMD}; client_no_context_takeover`,
    "15+ 15-",
  ],
  // What browsers offer.
  [`${PMD}; client_max_window_bits`, {}, NO_TAKEOVER, "15- 15-"],
  [
    `${PMD}; client_max_window_bits`,
    { ...TAKEOVER, clientMaxWindowBits: 10 },
    `${PMD}; client_max_window_bits=10`,
    "15+ 10+",
  ],
  [
    `${PMD}; client_max_window_bits=9`,
    { ...TAKEOVER, clientMaxWindowBits: 10 },
    `${PMD}; client_max_window_bits=9`,
    "15+ 9+",
  ],
  [
    `${PMD}; client_max_window_bits=12`,
    TAKEOVER,
    `${PMD}; client_max_window_bits=12`,
    "15+ 12+",
  ],
  [
    `${PMD}; server_max_window_bits=10`,
    TAKEOVER,
    `${PMD}; server_max_window_bits=10`,
    "10+ 15+",
  ],
  [
    `${PMD}; server_max_window_bits=8`,
    TAKEOVER,
    `${PMD}; server_max_window_bits=8`,
    "8+ 15+",
  ],
  [
    `${PMD}; server_max_window_bits=15`,
    TAKEOVER,
    `${PMD}; server_max_window_bits=15`,
    "15+ 15+",
  ],
  [
    `${PMD}; server_max_window_bits=12`,
    { ...TAKEOVER, serverMaxWindowBits: 9 },
    `${PMD}; server_max_window_bits=9`,
    "9+ 15+",
  ],
  // Section 7.1.2.1: a server may restrict itself without being asked.
  [
    PMD,
    { ...TAKEOVER, serverMaxWindowBits: 9 },
    `${PMD}; server_max_window_bits=9`,
    "9+ 15+",
  ],
  // The first that can be met.
  [
    `${PMD}; server_max_window_bits=7, x-other; a=b, ${PMD}; __proto__, ${PMD}; ` +
    `server_max_window_bits=11, ${PMD}`,
    TAKEOVER,
    `${PMD}; server_max_window_bits=11`,
    "11+ 15+",
  ],
  [
    `${PMD}; server_no_context_takeover, ${PMD}; client_max_window_bits`,
    { ...TAKEOVER, clientMaxWindowBits: 9 },
    `${PMD}; client_max_window_bits=9`,
    "15+ 9+",
  ],
];

for (const [offer, options, header, agreed] of ACCEPTED) {
  test(`acceptOffers() answers ${offer} with ${header} (${agreed})`, () => {
    assertEquals(accept(offer, options), [header, agreed]);
  });
}

for (
  const [offer, options] of [
    ["", {}],
    ["x-webkit-deflate-frame", {}],
    ["constructor, __proto__, toString; hasOwnProperty", {}],
    ["Permessage-Deflate", {}],
    [`${PMD}; server_max_window_bits`, {}],
    [`${PMD}; server_max_window_bits=16`, {}],
    [`${PMD}; client_max_window_bits=7`, {}],
    [`${PMD}; unknown`, {}],
    [`${PMD}; server_no_context_takeover; server_no_context_takeover`, {}],
    // A window that the client cannot be told of.
    [PMD, { clientMaxWindowBits: 14 }],
  ] as [string, CompressionOptions][]
) {
  test(`acceptOffers() declines ${offer} ${JSON.stringify(options)}`, () => {
    assertEquals(accept(offer, options), undefined);
  });
}

for (
  const [options, offer] of [
    [{}, `${NO_TAKEOVER}; client_max_window_bits`],
    [TAKEOVER, `${PMD}; client_max_window_bits`],
    [
      { ...TAKEOVER, serverMaxWindowBits: 8, clientMaxWindowBits: 9 },
      `${PMD}; server_max_window_bits=8; client_max_window_bits=9`,
    ],
  ] as [CompressionOptions, string][]
) {
  test(`formatOffer() offers ${offer}`, () => {
    assertEquals(formatOffer(compressionSettings(options)!), offer);
  });
}

function verify(answer: string, options: CompressionOptions = {}): string {
  const result = verifyAnswer(
    parseExtensions(answer)!,
    compressionSettings(options)!,
  );
  return typeof result === "string" ? result : describe(result);
}

for (
  const [answer, options, agreed] of [
    [NO_TAKEOVER, {}, "15- 15-"],
    // The client forgets as it has said, also where the server does not ask.
    [`${PMD}; server_no_context_takeover`, {}, "15- 15-"],
    [PMD, TAKEOVER, "15+ 15+"],
    [NO_TAKEOVER, TAKEOVER, "15- 15-"],
    [`${PMD}; server_max_window_bits=9`, TAKEOVER, "9+ 15+"],
    [`${PMD}; server_max_window_bits=8`, TAKEOVER, "8+ 15+"],
    [`${PMD}; client_max_window_bits=8`, TAKEOVER, "15+ 8+"],
    [
      `${PMD}; server_max_window_bits=10`,
      { ...TAKEOVER, serverMaxWindowBits: 10, clientMaxWindowBits: 11 },
      "10+ 11+",
    ],
    [
      `${PMD}; server_max_window_bits=9; client_max_window_bits=10`,
      { ...TAKEOVER, serverMaxWindowBits: 10, clientMaxWindowBits: 11 },
      "9+ 10+",
    ],
  ] as [string, CompressionOptions, string][]
) {
  test(`verifyAnswer() takes ${answer} as ${agreed}`, () => {
    assertEquals(verify(answer, options), agreed);
  });
}

const INVALID = `the server's ${PMD} is invalid: parameter`;
const UNFIT = `the server's ${PMD} does not answer the offer:`;

for (
  const [answer, options, fault] of [
    [
      "x-other",
      {},
      'the server chose extension "x-other", which was not offered',
    ],
    [
      `${NO_TAKEOVER}, x-other`,
      {},
      'the server chose extension "x-other", which was not offered',
    ],
    [
      `${NO_TAKEOVER}, ${NO_TAKEOVER}`,
      {},
      `the server chose ${PMD} 2 times`,
    ],
    [PMD, {}, `${UNFIT} server_no_context_takeover is missing`],
    [
      PMD,
      { ...TAKEOVER, serverMaxWindowBits: 14 },
      `${UNFIT} server_max_window_bits must be at most 14`,
    ],
    [
      `${PMD}; server_max_window_bits=15`,
      { ...TAKEOVER, serverMaxWindowBits: 14 },
      `${UNFIT} server_max_window_bits must be at most 14`,
    ],
    [
      `${PMD}; client_max_window_bits=12`,
      { ...TAKEOVER, clientMaxWindowBits: 11 },
      `${UNFIT} client_max_window_bits must be at most 11`,
    ],
    [
      `${PMD}; client_max_window_bits`,
      TAKEOVER,
      `${UNFIT} client_max_window_bits has no value`,
    ],
    ...["", "0", "7", "16", "99", "1e1"].flatMap((bits) =>
      ["server", "client"].map((side) => {
        const name = `${side}_max_window_bits`;
        if (bits === "") {
          return side === "client"
            ? [
              `${PMD}; ${name}`,
              TAKEOVER,
              `${UNFIT} ${name} has no value`,
            ]
            : [
              `${PMD}; ${name}`,
              TAKEOVER,
              `${INVALID} ${name} has a value that is not 8 to 15`,
            ];
        }
        return [
          `${PMD}; ${name}=${bits}`,
          TAKEOVER,
          `${INVALID} ${name} has a value that is not 8 to 15`,
        ];
      })
    ),
    [
      `${PMD}; server_no_context_takeover; server_no_context_takeover`,
      {},
      `${INVALID} server_no_context_takeover is given twice`,
    ],
    [`${NO_TAKEOVER}; __proto__`, {}, `${INVALID} "__proto__" is unknown`],
  ] as [string, CompressionOptions, string][]
) {
  test(`verifyAnswer() refuses ${answer} ${JSON.stringify(options)}`, () => {
    assertEquals(verify(answer, options), fault);
  });
}

test("both sides agree on every combination of their settings", () => {
  for (let settings = 0; settings < 16; settings++) {
    const flag = (bit: number) => (settings >> bit & 1) === 1;
    for (const bits of [8, 9, 12, 15]) {
      const client = compressionSettings({
        serverNoContextTakeover: flag(0),
        clientNoContextTakeover: flag(1),
        serverMaxWindowBits: bits,
      })!;
      const server = compressionSettings({
        serverNoContextTakeover: flag(2),
        clientNoContextTakeover: flag(3),
        clientMaxWindowBits: bits,
      })!;
      const accepted = acceptOffers(
        parseExtensions(formatOffer(client))!,
        server,
      )!;
      const verified = verifyAnswer(parseExtensions(accepted.header)!, client);
      assertEquals(verified, accepted);
    }
  }
});
