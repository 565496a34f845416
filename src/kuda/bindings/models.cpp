// The models, their batches and losses with LibTorch's gradients. python/kuda/nn.py makes a torch.nn.Module of one.

#include <ATen/CPUGeneratorImpl.h>
#include <pybind11/typing.h>
#include <torch/csrc/utils/pybind.h>

#include <mutex>
#include <optional>
#include <utility>

#include "kuda/base/random.h"
#include "kuda/bindings/modules.h"
#include "kuda/checkpoint/run_config.h"
#include "kuda/models/model.h"
#include "kuda/runs/session.h"
#include "kuda/tensor/precision.h"

namespace kuda::bindings {
namespace {

using torch::Tensor;

// As std::optional and not as an object: Python's signatures say "torch.Tensor | None".
std::optional<Tensor> or_none(const Tensor& tensor) { return tensor.defined() ? std::optional(tensor) : std::nullopt; }
Tensor tensor_of(const py::handle& value) { return value.is_none() ? Tensor() : value.cast<Tensor>(); }

py::typing::Dict<py::str, std::optional<Tensor>> tensors_by_modality(const PerModality<Tensor>& tensors) {
  return by_modality(tensors, [](const Tensor& tensor) { return or_none(tensor); });
}

/// Model, data and encoder of a configuration: what batches and models are made from.
struct PythonSession {
  RunConfig config;
  Session session;
  Collator collator;
  PythonSession(const std::string& toml, Dataset data, const std::string& encoder, bool crop)
      : config(with_places(toml, data.source, encoder)),
        session(config, std::move(data), config.collate),
        collator(session.collator({}, crop)) {}

 private:
  static RunConfig with_places(const std::string& toml, const std::string& data, const std::string& encoder) {
    auto config = RunConfig::parse(toml, "the session");
    config.data = data;
    config.encoder = encoder;
    return config;
  }
};

/// A seed for what `make` draws; the program around us has the generator back as it was.
template <class Make>
auto with_seed(std::uint64_t seed, Make make) {
  auto generator = at::detail::getDefaultCPUGenerator();
  const auto locked = [&](auto action) {
    const std::lock_guard lock(generator.mutex());
    return action();
  };
  const auto before = locked([&] { return generator.get_state(); });
  torch::manual_seed(seed);
  auto made = make();
  locked([&] { generator.set_state(before); });
  return made;
}

std::vector<std::int64_t> labelled_rows(const Dataset& dataset, Split split) {
  auto rows = dataset.rows(split);
  std::erase_if(rows, [&](std::int64_t row) { return std::isnan(dataset.clips[std::size_t(row)].label); });
  return rows;
}

struct PythonModel {
  std::shared_ptr<PythonSession> session;
  std::shared_ptr<Model> model;

  PythonModel(std::shared_ptr<PythonSession> made_of, std::int64_t seed) : session(std::move(made_of)) {
    const auto& config = session->config;
    const auto& opened = session->session;
    const auto& info = find_model(config.model);
    model = with_seed(stream_seed(std::uint64_t(seed), "init"),
                      [&] { return info.make(*config.model_config, opened.shape(), opened.text()); });
    TrainingFacts facts;
    facts.rows = labelled_rows(opened.dataset(), Split::train);
    facts.batch_size = config.train.batch_size;
    facts.collate = [this](const std::vector<std::int64_t>& rows) { return session->collator(rows); };
    facts.labels = [this, rows = facts.rows] {
      std::vector<Tensor> labels;
      for (const auto row : rows) labels.push_back(session->collator({row}).label);
      return torch::cat(labels);
    };
    model->begin_training(facts);
  }
};

/// {"parameters": [(name, tensor)], "buffers": [(name, tensor, is saved)], "modules": [(name, the same)]}
py::dict tree_of(const torch::nn::Module& module, const Model& model, const std::string& prefix) {
  py::list parameters, buffers, modules;
  for (const auto& item : module.named_parameters(false)) parameters.append(py::make_tuple(item.key(), item.value()));
  for (const auto& item : module.named_buffers(false))
    buffers.append(py::make_tuple(item.key(), item.value(), model.is_saved(prefix + item.key())));
  for (const auto& item : module.named_children())
    modules.append(py::make_tuple(item.key(), tree_of(*item.value(), model, prefix + item.key() + ".")));
  py::dict tree;
  tree["parameters"] = parameters;
  tree["buffers"] = buffers;
  tree["modules"] = modules;
  return tree;
}

py::object state_of(const Sequence& sequence) {
  return py::make_tuple(or_none(sequence.values), or_none(sequence.padding), or_none(sequence.lengths),
                        or_none(sequence.missing));
}

Sequence sequence_from(const py::handle& state) {
  const auto fields = py::reinterpret_borrow<py::tuple>(state);
  return {tensor_of(fields[0]), tensor_of(fields[1]), tensor_of(fields[2]), tensor_of(fields[3])};
}

/// The tensors of a batch in one list, for pickling.
py::tuple state_of(const Batch& batch) {
  py::list labels;
  for (const auto m : kModalities) labels.append(or_none(batch.unimodal_labels[m]));
  for (const auto m : kModalities) labels.append(or_none(batch.held_out[m]));
  return py::make_tuple(batch.ids, batch.rows, or_none(batch.text_ids), or_none(batch.text_segments),
                        or_none(batch.text_padding), state_of(batch.text_features), state_of(batch.vision),
                        state_of(batch.audio), or_none(batch.label), or_none(batch.multimodal_label), labels);
}

Batch batch_from(const py::tuple& state) {
  Batch batch;
  batch.ids = state[0].cast<std::vector<std::string>>();
  batch.rows = state[1].cast<std::vector<std::int64_t>>();
  batch.text_ids = tensor_of(state[2]);
  batch.text_segments = tensor_of(state[3]);
  batch.text_padding = tensor_of(state[4]);
  batch.text_features = sequence_from(state[5]);
  batch.vision = sequence_from(state[6]);
  batch.audio = sequence_from(state[7]);
  batch.label = tensor_of(state[8]);
  batch.multimodal_label = tensor_of(state[9]);
  const py::list labels = state[10];
  std::size_t next = 0;
  for (const auto m : kModalities) batch.unimodal_labels[m] = tensor_of(labels[next++]);
  for (const auto m : kModalities) batch.held_out[m] = tensor_of(labels[next++]);
  return batch;
}

void bind_batch(py::module_& module) {
  // Under another name: pybind11-stubgen takes every Sequence for that of typing.
  py::class_<Sequence>(module, "Padded", "One modality of a batch; None everywhere where the data lack it.")
      .def_property_readonly(
          "values", [](const Sequence& s) { return or_none(s.values); }, "[B, L, D] float32")
      .def_property_readonly(
          "padding", [](const Sequence& s) { return or_none(s.padding); }, "[B, L] bool, True = padded")
      .def_property_readonly(
          "lengths", [](const Sequence& s) { return or_none(s.lengths); },
          "[B] int64: frames that are not padding, at least 1")
      .def_property_readonly(
          "missing", [](const Sequence& s) { return or_none(s.missing); },
          "[B] bool: the clip lacks the modality; its one frame is zeros");
  py::class_<Batch>(module, "Batch", "Some clips as padded tensors. kuda.Session makes them; they can be pickled.")
      .def_readonly("ids", &Batch::ids)
      .def_readonly("rows", &Batch::rows, "Rows of the data set.")
      .def_property_readonly(
          "text_ids", [](const Batch& b) { return or_none(b.text_ids); }, "[B, L] int64")
      .def_property_readonly(
          "text_segments", [](const Batch& b) { return or_none(b.text_segments); }, "[B, L] int64")
      .def_property_readonly(
          "text_padding", [](const Batch& b) { return or_none(b.text_padding); }, "[B, L] bool, True = padded")
      .def_readonly("text_features", &Batch::text_features)
      .def_readonly("vision", &Batch::vision)
      .def_readonly("audio", &Batch::audio)
      .def_property_readonly(
          "label", [](const Batch& b) { return or_none(b.label); }, "[B] float32, NaN = unknown")
      .def_property_readonly(
          "unimodal_labels", [](const Batch& b) { return tensors_by_modality(b.unimodal_labels); },
          "By modality: [B] float32, NaN = unknown")
      .def("__len__", &Batch::size)
      .def(
          "to", [](const Batch& b, const torch::Device& device) { return b.to(device); }, py::arg("device"),
          "The same on another device.")
      .def(py::pickle([](const Batch& b) { return state_of(b); }, &batch_from));
}

void bind_results(py::module_& module) {
  py::class_<Output>(module, "Output", "What a model makes of a batch, with gradients.")
      .def_readonly("score", &Output::score, "[B] float32, in the data set's score range.")
      .def_property_readonly(
          "unimodal", [](const Output& o) { return tensors_by_modality(o.unimodal); },
          "By modality: [B], or None where the model has no decoder of it.")
      .def_property_readonly(
          "ratio", [](const Output& o) { return tensors_by_modality(o.ratio); },
          "By modality: [B], weights that the model predicts, or None.")
      .def_property_readonly(
          "parts", [](const Output& o) { return tensors_by_modality(o.parts); },
          "By modality: [B], what of the score is due to it alone, or None.");
  py::class_<Losses>(module, "Losses", "The loss of a batch.")
      .def_readonly("total", &Losses::total, "A scalar with gradient.")
      .def_property_readonly(
          "terms",
          [](const Losses& losses) {
            py::typing::Dict<py::str, Tensor> terms;
            for (const auto& [name, term] : losses.terms) terms[py::str(name)] = term;
            return terms;
          },
          "The scalars that the total is made of, by name.");
}

/// One step of SGD on a batch, all of it in C++: what the same step from Python is compared with.
double reference_step(const PythonModel& model, const Batch& batch, double rate) {
  return without_gil([&] {
    model.model->zero_grad();
    const auto output = model.model->forward(batch, nullptr);
    const auto losses = model.model->loss(output, batch);
    losses.total.backward();
    torch::optim::SGD(model.model->parameters(), rate).step();
    return losses.total.item<double>();
  });
}

}  // namespace

void bind_models(py::module_& module) {
  bind_batch(module);
  bind_results(module);
  py::class_<PythonSession, std::shared_ptr<PythonSession>>(module, "Session")
      .def(py::init([](const std::string& toml, const Dataset& data, const std::string& encoder, bool crop) {
             Dataset own = data;  // its tensors and frames are shared, not copied
             return without_gil([&] { return std::make_shared<PythonSession>(toml, std::move(own), encoder, crop); });
           }),
           py::arg("toml"), py::arg("data"), py::arg("encoder"), py::arg("crop"))
      .def("batch",
           [](const PythonSession& session, const std::vector<std::int64_t>& rows) {
             return without_gil([&] { return session.collator(rows); });
           })
      .def("rows", [](const PythonSession& session,
                      const std::string& split) { return labelled_rows(session.session.dataset(), split_from(split)); })
      .def("shape", [](const PythonSession& session) {
        py::dict shape;
        shape["length"] = by_modality(session.session.shape().length, [](std::int64_t n) { return py::int_(n); });
        shape["width"] = by_modality(session.session.shape().width, [](std::int64_t n) { return py::int_(n); });
        return shape;
      });
  py::class_<PythonModel, std::shared_ptr<PythonModel>>(module, "Model")
      .def(py::init([](std::shared_ptr<PythonSession> session, std::int64_t seed) {
             return without_gil([&] { return std::make_shared<PythonModel>(std::move(session), seed); });
           }),
           py::arg("session"), py::arg("seed"))
      .def("tree", [](const PythonModel& model) { return tree_of(*model.model, *model.model, ""); })
      .def("forward",
           [](const PythonModel& model, const Batch& batch) {
             return without_gil([&] { return model.model->forward(batch, nullptr); });
           })
      .def("loss", [](const PythonModel& model, const Output& output,
                      const Batch& batch) { return without_gil([&] { return model.model->loss(output, batch); }); })
      .def("after_backward",
           [](const PythonModel& model, const Output& output, const Batch& batch) {
             without_gil([&] {
               const torch::NoGradGuard no_grad;
               model.model->after_backward(output, batch);
             });
           })
      .def("train", [](const PythonModel& model, bool mode) { model.model->train(mode); })
      .def("begin_epoch", [](const PythonModel& model, std::int64_t epoch,
                             std::int64_t epochs) { without_gil([&] { model.model->begin_epoch(epoch, epochs); }); })
      .def("begin_phase", [](const PythonModel& model, std::int64_t phase) { model.model->begin_phase(phase, false); })
      .def_property_readonly("num_phases", [](const PythonModel& model) { return model.model->num_phases(); })
      .def("reference_step", &reference_step);
}

}  // namespace kuda::bindings
