#include "kuda/serve/routes.h"

#include <fmt/format.h>

#include <algorithm>

#include "embedded_files.h"
#include "kuda/serve/service.h"

namespace kuda {

const std::vector<Route>& routes() {
  static const std::vector<Route> all{
      {"GET", "/", true, "A page for people; a list of paths for who does not accept text/html.", &Service::page},
      {"GET", "/page.css", true, "The style of the page.", &Service::page},
      {"GET", "/page.js", true, "The script of the page.", &Service::page},
      {"GET", "/health", true, "Does the server take requests?", &Service::health},
      {"GET", "/openapi.json", true, "This document.", &Service::openapi},
      {"GET", "/metrics", false, "Counters for Prometheus (text format 0.0.4).", &Service::metrics},
      {"GET", "/v1/model", false, "What the model is, what it reads, and what one request may hold.", &Service::model},
      {"GET", "/v1/clips", false, "Clips of the data that the server was given, which requests may name.",
       &Service::clips},
      {"POST", "/v1/predict", false, "Scores of one or many clips.", &Service::predict},
      {"POST", "/v1/explain", false, "Scores, and what each modality contributes.", &Service::explain},
      {"POST", "/v1/nearest", false, "Training clips of the server's data that the model takes for most alike.",
       &Service::nearest},
      {"POST", "/v1/timeline", false, "Scores over the time of a long video, sent as they are made.",
       &Service::timeline}};
  return all;
}

const Route* route_of(const Request& request) {
  const std::string_view method = request.method == "HEAD" ? std::string_view("GET") : request.method;
  const auto& all = routes();
  const auto found = std::find_if(
      all.begin(), all.end(), [&](const Route& route) { return route.method == method && route.path == request.path; });
  return found == all.end() ? nullptr : &*found;
}

std::vector<std::string> methods_of(std::string_view path) {
  std::vector<std::string> methods;
  for (const auto& route : routes())
    if (path == route.path) methods.emplace_back(route.method);
  if (std::find(methods.begin(), methods.end(), "GET") != methods.end()) methods.emplace_back("HEAD");
  if (!methods.empty()) methods.emplace_back("OPTIONS");
  return methods;
}

std::string_view openapi_document() noexcept { return kOpenApiDocument; }

std::string index_text(const VideoOffer& videos) {
  std::string text = "kuda serves a model for multimodal sentiment analysis. A browser gets a page here.\n\n";
  for (const auto& route : routes()) text += fmt::format("  {:4} {:14} {}\n", route.method, route.path, route.summary);
  text += "\nVideos: ";
  text += videos.why_none.empty() ? fmt::format("up to {} seconds (-F video=@clip.mp4).\n", videos.most_seconds)
                                  : "none are taken: " + videos.why_none + ".\n";
  return text;
}

}  // namespace kuda
