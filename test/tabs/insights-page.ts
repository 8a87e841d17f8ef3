/** Application Insights in a page, as its documentation has it, with W3C tracing to other origins. */
import { ApplicationInsights, DistributedTracingModes } from "@microsoft/applicationinsights-web";

declare global {
  interface Window {
    startInsights(endpoint: string): void;
  }
}

window.startInsights = (endpoint) => {
  const insights = new ApplicationInsights({
    config: {
      connectionString: `InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint=${endpoint}`,
      distributedTracingMode: DistributedTracingModes.W3C,
      enableCorsCorrelation: true,
      disableFetchTracking: false,
      // Nothing is sent while a test lasts.
      maxBatchInterval: 3_600_000,
    },
  });
  insights.loadAppInsights();
};
