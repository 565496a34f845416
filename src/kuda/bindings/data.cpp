// Data sets: what open_dataset gives, with tensors over the mapped file.

#include <pybind11/typing.h>
#include <torch/csrc/utils/pybind.h>

#include <utility>

#include "kuda/bindings/modules.h"
#include "kuda/checkpoint/small_encoder.h"
#include "kuda/data/dataset.h"
#include "kuda/data/difference.h"
#include "kuda/data/doctor/check.h"
#include "kuda/data/doctor/inspect.h"
#include "kuda/data/frames_in_file.h"
#include "kuda/data/sources/prepared.h"
#include "kuda/data/synth/synth.h"
#include "kuda/text/tokenizer_folder.h"

namespace kuda::bindings {
namespace {

namespace fs = std::filesystem;

template <class T>
py::array_t<T> array_of(const std::vector<T>& values) {
  return py::array_t<T>(static_cast<py::ssize_t>(values.size()), values.data());
}

/// Of every clip.
template <class Get>
py::typing::List<py::str> column(const Dataset& dataset, Get get) {
  py::typing::List<py::str> values;
  for (const auto& clip : dataset.clips) values.append(get(clip));
  return values;
}

template <class Get>
py::array_t<float> numbers(const Dataset& dataset, Get get) {
  std::vector<float> values;
  for (const auto& clip : dataset.clips) values.push_back(get(clip));
  return array_of(values);
}

py::dict facts_of(const Clip& clip) {
  py::dict facts;
  facts["id"] = text_of(clip.id());
  facts["split"] = std::string(split_name(clip.split));
  facts["text"] = text_of(clip.text);
  facts["label"] = or_none(clip.label);
  facts["unimodal_labels"] = by_modality(clip.unimodal_labels, [](float value) { return or_none(value); });
  return facts;
}

/// A view of the packed frames, so that a write to it is seen by whoever looks again.
torch::Tensor frames_of(const Feature& feature, std::int64_t row) {
  return packed(feature).slice(0, feature.offsets[std::size_t(row)], feature.offsets[std::size_t(row + 1)]);
}

py::dict clip_of(const Dataset& dataset, std::int64_t row) {
  const auto count = static_cast<std::int64_t>(dataset.clips.size());
  if (row < 0) row += count;
  if (row < 0 || row >= count) throw py::index_error("a data set of " + std::to_string(count) + " clips");
  auto facts = facts_of(dataset.clips[static_cast<std::size_t>(row)]);
  for (const auto modality : kModalities)
    if (const auto& feature = dataset.feature(modality))
      facts[modality == Modality::text ? "text_features" : std::string(modality_name(modality)).c_str()] =
          without_gil([&] { return frames_of(*feature, row); });
  return facts;
}

/// A part of a data set, which it keeps alive; None where it has none of that modality.
template <class Get>
auto feature_or_none(Get get) {
  return [get](const py::object& self) -> py::typing::Optional<Feature> {
    const std::optional<Feature>& feature = get(self.cast<const Dataset&>());
    return py::cast(feature ? &*feature : nullptr, py::return_value_policy::reference_internal, self);
  };
}

CheckReport check(Dataset& data, const fs::path& encoder) {
  const Dataset& dataset = whole(data);
  return without_gil([&] {
    std::optional<WordPiece> tokenizer;
    if (!encoder.empty()) tokenizer = load_tokenizer(encoder);
    return check_dataset(dataset, tokenizer ? &*tokenizer : nullptr);
  });
}

void bind_feature(py::module_& module) {
  py::class_<Feature>(module, "Feature", "One modality of all clips: their frames one after another, without padding.")
      .def_property_readonly(
          "values", [](const Feature& feature) { return without_gil([&] { return packed(feature); }); },
          "[all frames, width] float32 torch.Tensor: over the file itself where that is a prepared folder, else in "
          "memory, read by the first use. A write to it stays in this process.")
      .def_property_readonly(
          "offsets", [](const Feature& feature) { return array_of(feature.offsets); },
          "[clips + 1] int64: frames of clip i are values[offsets[i]:offsets[i + 1]].")
      .def_property_readonly(
          "lengths", [](const Feature& feature) { return array_of(feature.lengths); },
          "[clips] int64: frames as the source declares them; 0 where the clip lacks the modality.")
      .def_property_readonly("width", &Feature::width, "Features of a frame.")
      .def_readonly("padded_length", &Feature::padded_length, "Frames of the source's padded array.")
      .def_readonly("extractor", &Feature::extractor, "What made the features; '' where it is not known.")
      .def_readonly("rate", &Feature::rate, "Frames a second; 0 where it is not known.")
      .def(
          "clip",
          [](const Feature& feature, std::int64_t row) {
            if (row < 0 || row + 1 >= static_cast<std::int64_t>(feature.offsets.size()))
              throw py::index_error("a feature of " + std::to_string(feature.offsets.size() - 1) + " clips");
            return without_gil([&] { return frames_of(feature, row); });
          },
          py::arg("row"), "[frames, width] float32: the frames of one clip, a view.")
      .def("__repr__", [](const Feature& feature) {
        return "Feature(" + std::to_string(feature.offsets.size() - 1) + " clips, width " +
               std::to_string(feature.width()) + ")";
      });
}

void bind_report(py::module_& module) {
  py::class_<CheckReport>(module, "CheckReport", "What the doctor found; print it, or read `findings`.")
      .def_property_readonly(
          "worst", [](const CheckReport& report) { return std::string(severity_name(report.worst())); },
          "'note', 'warning' or 'error': do not train on this.")
      .def_property_readonly(
          "findings",
          [](const CheckReport& report) {
            py::list findings;
            for (const auto& finding : report.findings) {
              py::dict entry;
              entry["severity"] = std::string(severity_name(finding.severity));
              entry["name"] = finding.name;
              entry["modality"] = finding.modality;
              entry["message"] = text_of(finding.message);
              py::list clips;
              for (const auto& clip : finding.clips) clips.append(text_of(clip));
              entry["clips"] = clips;
              findings.append(entry);
            }
            return findings;
          },
          "A dict each: severity, name, modality, message, clips (ids it concerns).")
      .def(
          "text", [](const CheckReport& report, std::size_t ids) { return text_of(report.text(ids)); },
          py::arg("ids") = 5)
      .def("json", [](const CheckReport& report) { return text_of(report.json()); })
      .def("__str__", [](const CheckReport& report) { return text_of(report.text()); });
}

void bind_dataset(py::module_& module) {
  py::class_<Dataset, std::shared_ptr<Dataset>>(
      module, "Dataset", "Clips with texts, labels and features. kuda.open gives one; len() and [row] are its clips.")
      .def("__len__", [](const Dataset& dataset) { return dataset.clips.size(); })
      .def("__getitem__", &clip_of, py::arg("row"),
           "One clip: id, split, text, label, unimodal_labels, and its frames under the name of each modality.")
      .def_readonly("name", &Dataset::name)
      .def_readonly("language", &Dataset::language)
      .def_readonly("source", &Dataset::source, "File or folder it came from.")
      .def_property_readonly(
          "fingerprint", [](Dataset& dataset) { return whole(dataset).fingerprint; },
          "SHA-256 that names this very data, as it was opened.")
      .def_readonly("is_synthetic", &Dataset::is_synthetic)
      .def_readonly("is_aligned", &Dataset::is_aligned, "Text, vision and audio share one time axis.")
      .def_property_readonly(
          "has_token_ids", [](const Dataset& dataset) { return dataset.text_bert.defined(); },
          "The source stores word pieces of the texts (text_bert).")
      .def_property_readonly(
          "score_range", [](const Dataset& dataset) { return py::make_tuple(dataset.score_low, dataset.score_high); })
      .def_property_readonly(
          "family", [](const Dataset& dataset) { return std::string(metric_family_name(dataset.family)); },
          "Metric family: 'sims' or 'mosi'.")
      .def_property_readonly("ids",
                             [](const Dataset& d) { return column(d, [](const Clip& c) { return text_of(c.id()); }); })
      .def_property_readonly("texts",
                             [](const Dataset& d) { return column(d, [](const Clip& c) { return text_of(c.text); }); })
      .def_property_readonly(
          "splits",
          [](const Dataset& d) { return column(d, [](const Clip& c) { return std::string(split_name(c.split)); }); })
      .def_property_readonly(
          "labels", [](const Dataset& d) { return numbers(d, [](const Clip& c) { return c.label; }); },
          "[clips] float32, NaN where it is not known.")
      .def_property_readonly(
          "unimodal_labels",
          [](const Dataset& d) {
            py::typing::Dict<py::str, py::array_t<float>> labels;
            for (const auto m : kModalities)
              labels[py::str(std::string(modality_name(m)))] =
                  numbers(d, [m](const Clip& c) { return c.unimodal_labels[m]; });
            return labels;
          },
          "By modality: [clips] float32, NaN where it is not known.")
      .def_property_readonly("text_features",
                             feature_or_none([](const Dataset& d) -> auto& { return d.text_features; }))
      .def_property_readonly("vision", feature_or_none([](const Dataset& d) -> auto& { return d.vision; }))
      .def_property_readonly("audio", feature_or_none([](const Dataset& d) -> auto& { return d.audio; }))
      .def(
          "rows", [](const Dataset& d, const std::string& split) { return d.rows(split_from(split)); },
          py::arg("split"), "Rows of 'train', 'valid' or 'test'.")
      .def("check", &check, py::arg("encoder") = "",
           "The doctor (`kuda data check`): reads every feature once and says what could spoil a result. With the "
           "folder of an encoder stored token ids are compared with its vocabulary too.")
      .def(
          "save",
          [](Dataset& data, const fs::path& folder) {
            Dataset as_it_is = whole(data);
            without_gil([&] {
              for (auto* feature : {&as_it_is.text_features, &as_it_is.vision, &as_it_is.audio})
                if (*feature) (*feature)->finite = Finite::unknown;  // somebody may have written to them
              write_prepared(folder, as_it_is);
            });
          },
          py::arg("folder"),
          "Writes a prepared folder, which opens at once, with the frames as they are in this process.")
      .def(
          "require_as_in_file",
          [](const Dataset& dataset) {
            without_gil([&] {
              const auto where = first_difference(dataset, open_on_demand(dataset.source));
              if (where.empty()) return;
              throw DataError(
                  dataset.source + ": " + where + ": the file and the open data set differ",
                  "save(folder) writes what is open: use kuda.open(folder) then; kuda.open anew gives what the file "
                  "holds now");
            });
          },
          "Throws DataError where its frames were written to in this process, or its file was replaced: what opens the "
          "file would see other data. Reads all frames of both.")
      .def(
          "to_pandas",
          [](const py::object& self) -> py::object { return py::module_::import("kuda.data").attr("to_pandas")(self); },
          "A pandas.DataFrame, one row a clip: id, split, text, label, and the labels T, V and A of its modalities "
          "(NaN = unknown).")
      .def("__repr__", [](const Dataset& d) {
        return text_of("Dataset('" + d.name + "', " + std::to_string(d.clips.size()) + " clips)");
      });
}

}  // namespace

const Dataset& whole(Dataset& dataset) {
  if (!is_unread(dataset)) return dataset;
  Dataset own = dataset;  // other threads may look at this one meanwhile
  without_gil([&] { read_whole(own); });
  read_whole(dataset);  // what was found is kept, so this takes no time
  return dataset;
}

void bind_data(py::module_& module) {
  bind_feature(module);
  bind_report(module);
  bind_dataset(module);
  module.def(
      "open",
      [](const fs::path& path) { return without_gil([&] { return std::make_shared<Dataset>(open_on_demand(path)); }); },
      py::arg("path"));
  module.def(
      "inspect", [](const fs::path& path) { return text_of(without_gil([&] { return inspect_file(path).json(); })); },
      py::arg("path"));
  module.def(
      "write_small_encoder",
      [](const fs::path& folder, std::int64_t layers) { without_gil([&] { write_small_encoder(folder, layers); }); },
      py::arg("folder"), py::arg("layers"));
  module.def(
      "synthesize",
      [](const std::string& like, std::int64_t seed, std::int64_t train, std::int64_t valid, std::int64_t test,
         const fs::path& out) {
        return without_gil([&] {
          SynthOptions options;
          options.like = like;
          options.seed = seed;
          options.train = train;
          options.valid = valid;
          options.test = test;
          auto set = synthesize(options);
          if (out.empty()) return std::make_shared<Dataset>(std::move(set.dataset));
          write_prepared(out, set.dataset);
          write_truth_csv(out, set.dataset, set.truth);
          return std::make_shared<Dataset>(open_dataset(out));
        });
      },
      py::arg("like"), py::arg("seed"), py::arg("train"), py::arg("valid"), py::arg("test"), py::arg("out"));
}

}  // namespace kuda::bindings
