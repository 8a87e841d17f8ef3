import { type FormEvent, useState } from "react";
import { vault } from "./vault.ts";

export function SignIn() {
  const [problem, setProblem] = useState("");

  async function submit(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    try {
      await vault.signIn({
        email: String(fields.get("email")),
        password: String(fields.get("password")),
      });
    } catch (error) {
      // The library's messages say what happened and what to do, and never a secret.
      setProblem(error instanceof Error ? error.message : String(error));
    }
  }

  return (
    <form onSubmit={(event) => void submit(event)}>
      <input name="email" type="email" autoComplete="username" aria-label="E-mail" required />
      <input
        name="password"
        type="password"
        autoComplete="current-password"
        aria-label="Password"
        required
      />
      <button>Sign in</button>
      <p role="alert">{problem}</p>
    </form>
  );
}
