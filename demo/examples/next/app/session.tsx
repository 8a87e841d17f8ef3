"use client";

import { type FormEvent, useEffect, useState, useSyncExternalStore } from "react";
import { first, loadThings, vault } from "./vault";

export function Session() {
  // `first` is what the server has rendered: so the browser's first rendering is the same.
  const { status } = useSyncExternalStore(vault.subscribe, vault.snapshot, () => first);
  if (status === "loading") return <p>One moment…</p>;
  return status === "signed-in" ? <Things /> : <SignIn />;
}

function Things() {
  const [things, setThings] = useState<string[]>([]);
  const [problem, setProblem] = useState("");

  useEffect(() => {
    const left = new AbortController();
    loadThings(left.signal).then(setThings, (error: Error) => {
      if (!left.signal.aborted) setProblem(error.message);
    });
    return () => left.abort();
  }, []);

  return (
    <main>
      <ul>
        {things.map((name) => (
          <li key={name}>{name}</li>
        ))}
      </ul>
      <p role="alert">{problem}</p>
      <button type="button" onClick={() => void vault.signOut()}>
        Sign out
      </button>
    </main>
  );
}

function SignIn() {
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
      setProblem(error instanceof Error ? error.message : String(error));
    }
  }

  return (
    <form onSubmit={(event) => void submit(event)}>
      <input name="email" type="email" autoComplete="username" aria-label="E-mail" required />
      <input name="password" type="password" aria-label="Password" required />
      <button>Sign in</button>
      <p role="alert">{problem}</p>
    </form>
  );
}
