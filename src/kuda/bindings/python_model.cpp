// Models that are written in Python: a torch.nn.Module that the trainer takes for a model like the others.

#include <torch/csrc/utils/pybind.h>

#include <utility>

#include "kuda/bindings/modules.h"
#include "kuda/models/model.h"

namespace kuda::bindings {
namespace {

using torch::Tensor;

/// A Python object that may be let go of without the lock of the interpreter in hand.
std::shared_ptr<py::object> kept(py::object object) {
  return {new py::object(std::move(object)), [](py::object* held) {
            const py::gil_scoped_acquire lock;
            delete held;
          }};
}

struct NoOptions final : ModelConfig {
  void describe(Fields&) override {}
};

/// The tensors of a module of Python under the same names, for optimiser, checkpoint and device.
class Part : public torch::nn::Module {
 public:
  explicit Part(const py::object& module) { take(*this, module); }

  static void take(torch::nn::Module& target, const py::object& module) {
    for (const auto& [name, value] : module.attr("_parameters").cast<py::dict>())
      if (!value.is_none()) {
        const auto tensor = value.cast<Tensor>();
        target.register_parameter(name.cast<std::string>(), tensor, tensor.requires_grad());
      }
    const auto not_saved = module.attr("_non_persistent_buffers_set");
    for (const auto& [name, value] : module.attr("_buffers").cast<py::dict>())
      if (!value.is_none() && !not_saved.contains(name))
        target.register_buffer(name.cast<std::string>(), value.cast<Tensor>());
    for (const auto& [name, part] : module.attr("_modules").cast<py::dict>())
      if (!part.is_none())
        target.register_module(name.cast<std::string>(),
                               std::make_shared<Part>(py::reinterpret_borrow<py::object>(part)));
  }
};

class PythonDefined final : public Model {
 public:
  explicit PythonDefined(py::object module) : module_(kept(std::move(module))) { Part::take(*this, *module_); }

  Output forward(const Batch& batch, Trace*) override {
    const py::gil_scoped_acquire lock;
    const py::object made = (*module_)(batch);
    Output output;
    if (!py::isinstance<py::dict>(made)) {
      output.score = tensor_of(made, "forward");
    } else {
      for (const auto& [key, value] : made.cast<py::dict>()) {
        const auto name = key.cast<std::string>();
        const auto tensor = tensor_of(value, name);
        if (name == "score")
          output.score = tensor;
        else if (name == "text" || name == "vision" || name == "audio")
          output.unimodal[modality_from(name)] = tensor;
        else
          output.terms.emplace_back(name, tensor);
      }
      if (!output.score.defined()) throw UsageError("forward: expected 'score' among the results");
    }
    if (output.score.dim() == 2 && output.score.size(1) == 1) output.score = output.score.squeeze(1);
    if (output.score.dim() != 1 || output.score.size(0) != batch.size())
      throw ShapeError("forward: expected a score [" + std::to_string(batch.size()) + "], found " +
                       c10::str(output.score.sizes()));
    return output;
  }

  Losses loss(const Output& output, const Batch& batch) override {
    const py::gil_scoped_acquire lock;
    if (!py::hasattr(*module_, "loss")) {
      const auto error = torch::l1_loss(output.score, batch.label);
      return {error, {{"task", error}}};
    }
    py::dict given;
    given["score"] = output.score;
    for (const auto modality : kModalities)
      if (output.unimodal[modality].defined())
        given[py::str(std::string(modality_name(modality)))] = output.unimodal[modality];
    for (const auto& [name, tensor] : output.terms) given[py::str(name)] = tensor;
    const py::object made = module_->attr("loss")(given, batch);
    if (!py::isinstance<py::dict>(made)) {
      const auto total = tensor_of(made, "loss");
      return {total, {{"task", total}}};
    }
    Losses losses;
    for (const auto& [key, value] : made.cast<py::dict>()) {
      const auto term = tensor_of(value, key.cast<std::string>());
      losses.total = losses.total.defined() ? losses.total + term : term;
      losses.terms.emplace_back(key.cast<std::string>(), term);
    }
    if (losses.terms.empty()) throw UsageError("loss: expected a scalar, or a dict of scalars that are summed up");
    return losses;
  }

  void train(bool is_on) override {
    Model::train(is_on);
    const py::gil_scoped_acquire lock;
    module_->attr("train")(is_on);
  }

  void begin_epoch(std::int64_t epoch, std::int64_t num_epochs) override {
    const py::gil_scoped_acquire lock;
    if (py::hasattr(*module_, "begin_epoch")) module_->attr("begin_epoch")(epoch, num_epochs);
  }

 private:
  static Tensor tensor_of(const py::handle& value, const std::string& name) {
    try {
      return value.cast<Tensor>();
    } catch (const py::cast_error&) {
      throw UsageError(name + ": expected a tensor, found " +
                       std::string(py::str(py::type::of(value).attr("__name__"))));
    }
  }
  std::shared_ptr<py::object> module_;
};

py::dict facts_of(const DataShape& shape, const TextEncoder& text) {
  py::dict facts;
  facts["length"] = by_modality(shape.length, [](std::int64_t n) { return py::int_(n); });
  facts["width"] = by_modality(shape.width, [](std::int64_t n) { return py::int_(n); });
  facts["present"] = by_modality(shape.present, [](bool is_there) { return py::bool_(is_there); });
  facts["vocabulary"] = text.bert.vocab_size;
  return facts;
}

void add(const std::string& name, const std::string& text, py::object make) {
  ModelInfo info;
  info.name = info.title = name;
  info.paper = "a model of its user, written in Python";
  info.kind = "of its user";
  info.text = text == "tokens" ? TextInput::tokens : text == "features" ? TextInput::features : TextInput::none;
  info.make_config = [] { return std::make_unique<NoOptions>(); };
  info.make = [make = kept(std::move(make))](const ModelConfig&, const DataShape& shape,
                                             const TextEncoder& encoder) -> std::shared_ptr<Model> {
    const py::gil_scoped_acquire lock;
    return std::make_shared<PythonDefined>((*make)(facts_of(shape, encoder)));
  };
  add_model(std::move(info));
}

}  // namespace

void bind_python_models(py::module_& module) {
  module.def("add_model", &add, py::arg("name"), py::arg("text"), py::arg("make"));
}

}  // namespace kuda::bindings
