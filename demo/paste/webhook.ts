import { verifyWebhook } from "tokenkeep/webhook";

// On the server: a webhook's secret has no place in a page.
export async function receive(request: Request, secret: string): Promise<Response> {
  const hook = await verifyWebhook(request, { secret });
  if (!hook.ok) return Response.json({ refused: hook.reason }, { status: 400 });
  // The very bytes that were verified.
  return Response.json({ accepted: hook.json() });
}
