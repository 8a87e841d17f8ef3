import { StrictMode, useEffect, useState, useSyncExternalStore } from "react";
import { createRoot } from "react-dom/client";
import { SignIn } from "./sign-in.tsx";
import { loadThings, vault } from "./vault.ts";

function App() {
  const { status } = useSyncExternalStore(vault.subscribe, vault.snapshot);
  if (status === "loading") return null;
  return status === "signed-in" ? <Things /> : <SignIn />;
}

function Things() {
  const [things, setThings] = useState<string[]>([]);
  const [problem, setProblem] = useState("");

  useEffect(() => {
    const left = new AbortController();
    loadThings(left.signal).then(setThings, (error: Error) => {
      // After a session's end `App` shows the form: the vault has told it.
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

const place = document.querySelector("#app");
if (place)
  createRoot(place).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
