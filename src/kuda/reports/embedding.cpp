#include "kuda/reports/embedding.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "kuda/base/error.h"
#include "kuda/base/log.h"
#include "kuda/base/table.h"
#include "kuda/io/csv.h"

namespace kuda {
namespace {

/// x and y of each clip.
std::vector<std::array<double, 2>> places_of(const EmbeddedPanel& panel) {
  const auto points = panel.shown.points.contiguous();
  const auto* values = points.const_data_ptr<double>();
  std::vector<std::array<double, 2>> places;
  for (std::int64_t i = 0; i < points.size(0); ++i) places.push_back({values[2 * i], values[2 * i + 1]});
  return places;
}

/// gnuplot's data file: a block per panel. gnuplot skips points with a NaN, so each line holds its place twice: for the
/// clips with a label and for those without.
std::string blocks_of(const Embedding& embedding) {
  std::string data = "# x y label, x y of clips without a label; a block per panel\n";
  for (const auto& panel : embedding.panels) {
    data += fmt::format("{}# {}\n", &panel == &embedding.panels.front() ? "" : "\n\n", panel.name);
    const auto places = places_of(panel);
    for (std::size_t i = 0; i < places.size(); ++i) {
      const bool is_known = std::isfinite(embedding.clips[i].label);
      const auto x = gnuplot_number(places[i][0]), y = gnuplot_number(places[i][1]);
      data += is_known ? fmt::format("{} {} {} NaN NaN\n", x, y, embedding.clips[i].label)
                       : fmt::format("NaN NaN NaN {} {}\n", x, y);
    }
  }
  return data;
}

}  // namespace

Embedding embed(const ClipFeatures& features, const EmbedOptions& options) {
  const auto clips = std::int64_t(features.clips.size());
  Embedding embedding;
  embedding.clips = features.clips;
  embedding.perplexity = fitting_perplexity(clips, options.perplexity);
  embedding.neighbours = std::min<std::int64_t>(5, (clips - 1) / 2);
  for (const auto& panel : features.panels) {
    if (panel.values.eq(panel.values[0]).all().item<bool>()) {
      log_warning("{}: all clips have the same features, so there is nothing to show", panel.name);
      continue;
    }
    TsneOptions each{.perplexity = embedding.perplexity, .iterations = options.iterations};
    if (options.each_iteration) {
      options.each_iteration(panel.name, 0, options.iterations);
      each.each_iteration = [&](std::int64_t done) { options.each_iteration(panel.name, done, options.iterations); };
    }
    auto shown = tsne(panel.values, each);
    const double trust = trustworthiness(panel.values, shown.points, embedding.neighbours);
    embedding.panels.push_back({panel.name, panel.values.size(1), std::move(shown), trust});
  }
  if (embedding.panels.empty()) throw DataError("all clips have the same features, so there is nothing to show");
  return embedding;
}

std::string embedding_table(const Embedding& embedding) {
  Table table({"panel", "features", "trustworthiness", "KL divergence"});
  for (const auto& panel : embedding.panels)
    table.add({panel.name, std::to_string(panel.width), fmt::format("{:.4f}", panel.trustworthiness),
               fmt::format("{:.4f}", panel.shown.kl_divergence)});
  return table.text() +
         fmt::format(
             "{} clips, perplexity {:.3g}. trustworthiness: 1 where the {} nearest of a point in the picture are also "
             "near\namong the features, about 0.5 where the picture says nothing. KL divergence: what t-SNE made "
             "small, in nats.\nEach panel stands for itself; distances between groups and their sizes mean little.\n",
             embedding.clips.size(), embedding.perplexity, embedding.neighbours);
}

std::string embedding_csv(const Embedding& embedding) {
  auto text = io::csv_line({"id", "label", "panel", "x", "y"});
  for (const auto& panel : embedding.panels) {
    const auto places = places_of(panel);
    for (std::size_t i = 0; i < places.size(); ++i) {
      const auto& clip = embedding.clips[i];
      text += io::csv_line({clip.id, std::isnan(clip.label) ? std::string() : fmt::format("{}", clip.label), panel.name,
                            fmt::format("{:.6f}", places[i][0]), fmt::format("{:.6f}", places[i][1])});
    }
  }
  return text;
}

FigureSource embedding_figure(const Embedding& embedding, const std::string& title, double low, double high) {
  const auto panels = int(embedding.panels.size());
  const int columns = panels < 2 ? 1 : 2, rows = (panels + columns - 1) / columns;
  const bool has_unknown = std::any_of(embedding.clips.begin(), embedding.clips.end(),
                                       [](const auto& clip) { return !std::isfinite(clip.label); });
  FigureSource figure;
  figure.name = "embedding";
  figure.caption = title;
  figure.data = blocks_of(embedding);
  figure.width = 60 + 380 * columns + 60;
  figure.height = 50 + 340 * rows;
  const double space = 34.0 / figure.height;  // for the title of each panel
  figure.plot = fmt::format(
      "set multiplot layout {},{} title {} margins 0.02,{:.3f},0.02,{:.3f} spacing 0.02,{:.3f}\n"
      "set palette defined (0 '#2166ac', 0.5 '#c9c9c9', 1 '#b2182b')\nset cbrange [{:g}:{:g}]\nset cblabel 'label'\n"
      "set colorbox user origin {:.3f},0.2 size 0.015,0.6\nunset key\nunset xtics\nunset ytics\n"
      "set offsets graph 0.03, graph 0.03, graph 0.03, graph 0.03\n",
      rows, columns, gnuplot_text(title), 1 - 90.0 / figure.width, 1 - 64.0 / figure.height, space, low, high,
      1 - 82.0 / figure.width);
  const auto file = gnuplot_text(figure.name + ".dat");
  for (int i = 0; i < panels; ++i) {
    const auto& panel = embedding.panels[std::size_t(i)];
    figure.plot +=
        fmt::format("set title {} offset 0,-0.6\n{}plot {} index {} using 1:2:3 with points pt 7 ps 0.45 lc palette",
                    gnuplot_text(fmt::format("{}: trustworthiness {:.3f}", panel.name, panel.trustworthiness)),
                    i == 1 ? "unset colorbox\n" : "", file, i);
    if (has_unknown)
      figure.plot += fmt::format(", \\\n     {} index {} using 4:5 with points pt 6 ps 0.45 lc rgb '#888888'", file, i);
    figure.plot += "\n";
  }
  figure.plot += "unset multiplot\n";
  return figure;
}

}  // namespace kuda
