import { Session } from "./session";

export default function Page() {
  return (
    <>
      <h1>Things</h1>
      <Session />
    </>
  );
}
