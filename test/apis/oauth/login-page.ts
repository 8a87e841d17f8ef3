/** The login page of the test's OAuth server: plain HTML without script, so that it works wherever a browser does. */

interface Shown {
  /** Who was tried last. */
  readonly subject?: string;
  readonly isWrong?: boolean;
  /** What the box is filled with. */
  readonly password?: string;
}

const STYLE = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; }
  main { width: min(22rem, calc(100vw - 2rem)); padding: 1rem 0; }
  h1 { font-size: 1.4rem; margin: 0; }
  p { margin: 0.25rem 0 1rem; }
  label { display: block; margin: 0.75rem 0 0.25rem; font-weight: 600; }
  select, input, button { box-sizing: border-box; width: 100%; min-height: 2.75rem; padding: 0 0.75rem;
    font: inherit; border-radius: 0.5rem; border: 1px solid GrayText; background: Field; color: FieldText; }
  button { margin-top: 1rem; cursor: pointer; background: ButtonFace; color: ButtonText; }
  button[value="allow"] { background: #1f5fd0; border-color: #1f5fd0; color: #fff; font-weight: 600; }
  :focus-visible { outline: 3px solid #7aa7ff; outline-offset: 2px; }
  [role="alert"] { padding: 0.5rem 0.75rem; border-left: 4px solid #d03b2f; background: Field; color: FieldText; }`;

/** Asks who logs in, and with which password; the answer is posted to the page's own address. */
export function loginPage(
  people: Readonly<Record<string, { readonly name: string }>>,
  { subject, isWrong = false, password }: Shown = {},
): Response {
  const choices = Object.entries(people).map(
    ([id, { name }]) =>
      `<option value="${id}"${id === subject ? " selected" : ""}>${name}</option>`,
  );
  // Random hexadecimal digits, or a test's own words: nothing in it is markup.
  const filled = password === undefined ? "" : ` value="${password}"`;
  const hint =
    password === undefined ? "" : "<p>Filled in: it is the demo's own, and opens nothing else.</p>";
  const wrong = `<p role="alert" id="wrong">This password is not right. Try again.</p>`;
  const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Log in to Acme</title>
<style>${STYLE}
</style>
<main>
<h1>Log in to Acme</h1>
<p>The demo asks to call its API for you.</p>
${isWrong ? wrong : ""}
<form method="post">
<label for="subject">Account</label>
<select id="subject" name="subject" autofocus>${choices.join("")}</select>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password"${filled}${isWrong ? ' aria-describedby="wrong"' : ""}>
${hint}
<button name="choice" value="allow">Log in</button>
<button name="choice" value="deny">No, go back</button>
</form>
</main>
</html>
`;
  return new Response(page, {
    status: isWrong ? 401 : 200,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      // A login page is nobody's frame, and leaks its address, which has the state in it, to nobody.
      "content-security-policy":
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
      "referrer-policy": "no-referrer",
    },
  });
}
