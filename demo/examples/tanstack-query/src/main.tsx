import { QueryClient, QueryClientProvider, useQuery } from "@tanstack/react-query";
import { StrictMode, useSyncExternalStore } from "react";
import { createRoot } from "react-dom/client";
import { isVaultError } from "tokenkeep/browser";
import { SignIn } from "./sign-in.tsx";
import { loadThings, vault } from "./vault.ts";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      // The vault has waited and tried already: only a broken network deserves another try.
      retry: (failures, error) => !isVaultError(error) && failures < 3,
    },
  },
});

// What one user has loaded is not the next one's, in whichever tab that one signs in.
let sessionId: string | undefined;
vault.events((event) => {
  const isAnother = sessionId !== undefined && (event.sessionId ?? sessionId) !== sessionId;
  if (event.type === "signed-out") client.clear();
  else if (isAnother) void client.resetQueries();
  sessionId = event.type === "signed-out" ? undefined : (event.sessionId ?? sessionId);
});

function App() {
  const { status } = useSyncExternalStore(vault.subscribe, vault.snapshot);
  if (status === "loading") return null;
  return status === "signed-in" ? <Things /> : <SignIn />;
}

function Things() {
  const { data = [], error } = useQuery({
    queryKey: ["things"],
    queryFn: ({ signal }) => loadThings(signal),
  });
  return (
    <main>
      <ul>
        {data.map((name) => (
          <li key={name}>{name}</li>
        ))}
      </ul>
      <p role="alert">{error?.message}</p>
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
      <QueryClientProvider client={client}>
        <App />
      </QueryClientProvider>
    </StrictMode>,
  );
