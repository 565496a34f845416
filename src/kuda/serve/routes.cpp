#include "kuda/serve/routes.h"

#include "embedded_files.h"

namespace kuda {
namespace {

constexpr const char* kIndex =
    "kuda serves a model for multimodal sentiment analysis. A browser gets a page here.\n\n"
    "  POST /v1/predict      scores of clips: JSON, or a form with .npy and .npz files\n"
    "  POST /v1/explain      the same with what each modality contributes\n"
    "  POST /v1/nearest      the training clips that the model takes for most alike\n"
    "  GET  /v1/clips        clips of the data that the server was given\n"
    "  GET  /v1/model        what the model reads\n"
    "  GET  /health          200 while it serves\n"
    "  GET  /metrics         counters for Prometheus\n"
    "  GET  /openapi.json    all of this, for programs\n";

}  // namespace

const std::vector<Route>& routes() {
  static const std::vector<Route> all{{"GET", "/", true},
                                      {"GET", "/page.css", true},
                                      {"GET", "/page.js", true},
                                      {"GET", "/health", true},
                                      {"GET", "/openapi.json", true},
                                      {"GET", "/metrics", false},
                                      {"GET", "/v1/model", false},
                                      {"GET", "/v1/clips", false},
                                      {"POST", "/v1/predict", false},
                                      {"POST", "/v1/explain", false},
                                      {"POST", "/v1/nearest", false}};
  return all;
}

std::string_view openapi_document() noexcept { return kOpenApiDocument; }

std::string_view index_text() noexcept { return kIndex; }

}  // namespace kuda
