import { createRoot } from "react-dom/client";
import {
  createBrowserRouter,
  redirect,
  RouterProvider,
  useLoaderData,
  useRouteError,
} from "react-router";
import { isVaultError } from "tokenkeep/browser";
import { SignIn } from "./sign-in.tsx";
import { loadThings, vault } from "./vault.ts";

/** A loader asks by `vault.fetch`; where only a sign-in helps, it leads there. */
async function things({ request }: { request: Request }): Promise<string[] | Response> {
  try {
    return await loadThings(request.signal);
  } catch (error) {
    const isOver =
      isVaultError(error) && (error.code === "no_session" || error.code === "sign_in_required");
    if (isOver) return redirect("/sign-in");
    throw error;
  }
}

function Things() {
  const names = useLoaderData<string[]>();
  return (
    <main>
      <ul>
        {names.map((name) => (
          <li key={name}>{name}</li>
        ))}
      </ul>
      <button type="button" onClick={() => void vault.signOut()}>
        Sign out
      </button>
    </main>
  );
}

function Problem() {
  const error = useRouteError();
  return <p role="alert">{error instanceof Error ? error.message : String(error)}</p>;
}

const router = createBrowserRouter([
  {
    path: "/",
    loader: things,
    Component: Things,
    ErrorBoundary: Problem,
    HydrateFallback: () => null,
  },
  { path: "/sign-in", Component: SignIn },
]);

// Each tab follows: a sign-in or a sign-out in one of them leads all of them.
let shown = vault.snapshot().status;
vault.subscribe(({ status }) => {
  if (status === shown) return;
  const isFirst = shown === "loading";
  shown = status;
  if (!isFirst) void router.navigate(status === "signed-in" ? "/" : "/sign-in");
});

const place = document.querySelector("#app");
if (place) createRoot(place).render(<RouterProvider router={router} />);
