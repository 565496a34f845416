#pragma once
// Clips as points of a plane, a panel for each kind of feature: the paper's Figure 6.
//
//   const Embedding embedding = embed(features, {.perplexity = 30});
//   std::cout << embedding_table(embedding);
//   draw(embedding_figure(embedding, "KuDA, test split", -1, 1), "figure6");

#include <functional>
#include <string>
#include <vector>

#include "kuda/reports/clip_features.h"
#include "kuda/reports/figures.h"
#include "kuda/reports/tsne.h"

namespace kuda {

struct EmbeddedPanel {
  std::string name;
  std::int64_t width = 0;  ///< of the features
  Tsne shown;
  double trustworthiness = 0;
};

struct Embedding {
  std::vector<Prediction> clips;
  std::vector<EmbeddedPanel> panels;
  double perplexity = 0;
  std::int64_t neighbours = 0;  ///< that trustworthiness is about: five, or what fewer than eleven clips allow
};

struct EmbedOptions {
  double perplexity = 30;
  std::int64_t iterations = 1000;
  /// Called before each panel and after each iteration of it (0 ... iterations); may throw to stop.
  std::function<void(const std::string& panel, std::int64_t done, std::int64_t iterations)> each_iteration = {};
};

/// t-SNE of each panel by itself, so places are compared within a panel only. A panel whose clips all have the same
/// vector is left out with a warning. Throws as tsne does, and DataError when no panel is left.
[[nodiscard]] Embedding embed(const ClipFeatures& features, const EmbedOptions& options = {});

/// A row per panel, and what the columns mean; ends with "\n".
[[nodiscard]] std::string embedding_table(const Embedding& embedding);
/// Columns id, label, panel, x, y; a line per panel and clip. An unknown label is empty.
[[nodiscard]] std::string embedding_csv(const Embedding& embedding);
/// All panels side by side, points coloured by label from `low` to `high`; clips without a label are grey circles.
[[nodiscard]] FigureSource embedding_figure(const Embedding& embedding, const std::string& title, double low,
                                            double high);

}  // namespace kuda
