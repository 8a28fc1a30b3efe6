#include "client/model/module.h"

#include <torch/cuda.h>

#include <algorithm>
#include <limits>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "client/model/module_impl.h"
#include "client/objectives.h"

namespace signvote {
namespace {

std::string ShapeText(const torch::Tensor& tensor) { return fmt::format("({})", fmt::join(tensor.sizes(), ", ")); }

bool SameShape(const torch::Tensor& tensor, const std::vector<uint64_t>& shape) {
  return std::equal(shape.begin(), shape.end(), tensor.sizes().begin(), tensor.sizes().end(),
                    [](uint64_t a, int64_t b) { return static_cast<int64_t>(a) == b; });
}

// The module's parameters in the order of `tensors`: the same names, no more and no fewer.
absl::StatusOr<std::vector<torch::Tensor>> InOrder(const torch::jit::Module& module,
                                                   std::span<const TensorShape> tensors) {
  std::map<std::string, torch::Tensor> by_name;
  for (const NamedParameter& parameter : ParametersOf(module)) by_name.emplace(parameter.name, parameter.value);
  std::vector<torch::Tensor> ordered;
  for (const TensorShape& tensor : tensors) {
    const auto found = by_name.find(tensor.name);
    if (found == by_name.end()) {
      return InvalidArgument("model.pt has no parameter {}, which params.safetensors holds", tensor.name);
    }
    if (!SameShape(found->second, tensor.shape)) {
      return InvalidArgument("parameter {} has shape {} in model.pt, ({}) in params.safetensors", tensor.name,
                             ShapeText(found->second), fmt::join(tensor.shape, ", "));
    }
    if (found->second.scalar_type() != torch::kFloat32) {
      return InvalidArgument("parameter {} of model.pt is {}, expected float32", tensor.name,
                             c10::toString(found->second.scalar_type()));
    }
    ordered.push_back(found->second);
    by_name.erase(found);
  }
  if (!by_name.empty()) {
    return InvalidArgument("params.safetensors has no tensor {}, a parameter of model.pt", by_name.begin()->first);
  }
  return ordered;
}

// "(Tensor x, Tensor y)".
std::string Signature(const std::vector<c10::Argument>& arguments) {
  std::vector<std::string> texts;
  for (size_t i = 1; i < arguments.size(); ++i) {  // 0 is self
    texts.push_back(fmt::format("{} {}", arguments[i].type()->repr_str(), arguments[i].name()));
  }
  return fmt::format("({})", fmt::join(texts, ", "));
}

// Called with one argument, of this type.
absl::Status CheckSignature(const torch::jit::Module& module, const char* name, const c10::TypePtr& type,
                            const char* expected) {
  const auto method = module.find_method(name);
  if (!method.has_value()) return absl::OkStatus();
  const std::vector<c10::Argument>& arguments = method->function().getSchema().arguments();
  bool fits = arguments.size() >= 2 && type->isSubtypeOf(*arguments[1].type());
  for (size_t i = 2; i < arguments.size(); ++i) fits = fits && arguments[i].default_value().has_value();
  if (fits) return absl::OkStatus();
  return InvalidArgument("the module's method {} takes {}, expected {}", name, Signature(arguments), expected);
}

absl::StatusOr<std::string> LossOf(const torch::jit::Module& module, const std::string& wanted) {
  const bool has_own = module.find_method("loss").has_value();
  if (wanted == kOwnLoss && !has_own) {
    return InvalidArgument(
        "loss is \"module\", but model.pt has no method loss(self, batch: Tuple[Tensor, Tensor]); mark it with "
        "@torch.jit.export");
  }
  if (wanted == kOwnLoss || (wanted.empty() && has_own)) {
    RETURN_IF_ERROR(CheckLossSignature(module));
    return std::string(kOwnLoss);
  }
  if (!module.find_method("forward").has_value()) {
    return InvalidArgument("model.pt has no method forward{}",
                           has_own ? "; to train by its own loss: loss: module" : "");
  }
  RETURN_IF_ERROR(CheckForwardSignature(module));
  return wanted.empty() ? "cross_entropy" : wanted;
}

absl::StatusOr<torch::Device> DeviceOf(const std::string& name) {
  const auto gpus = static_cast<int>(torch::cuda::device_count());
  try {
    const torch::Device device(name);
    const int number = device.has_index() ? device.index() : 0;
    if (device.is_cpu() || (device.is_cuda() && number < gpus)) return device;
  } catch (const std::exception&) {
  }
  return InvalidArgument(
      "device is \"{}\", expected cpu, or cuda or cuda:N for one of the GPUs that LibTorch finds here: {} (one that is "
      "built without CUDA finds none)",
      name,
      gpus == 0   ? "none"
      : gpus == 1 ? "cuda:0"
                  : fmt::format("cuda:0 to cuda:{}", gpus - 1));
}

// Makes each parameter a view of `flat`, and its gradient a view of `gradient`.
void Bind(std::vector<torch::Tensor>* parameters, const torch::Tensor& flat, const torch::Tensor& gradient) {
  int64_t offset = 0;
  for (torch::Tensor& parameter : *parameters) {
    const int64_t count = parameter.numel();
    const std::vector<int64_t> shape = parameter.sizes().vec();
    parameter.set_data(flat.narrow(0, offset, count).view(shape));
    parameter.set_requires_grad(true);
    parameter.mutable_grad() = gradient.narrow(0, offset, count).view(shape);
    offset += count;
  }
}

}  // namespace

absl::Status CheckDevice(const std::string& device) { return DeviceOf(device).status(); }

std::vector<NamedParameter> ParametersOf(const torch::jit::Module& module) {
  std::vector<NamedParameter> parameters;
  std::set<const void*> known;
  for (const auto& [name, value] : module.named_parameters()) {
    if (known.insert(value.unsafeGetTensorImpl()).second) parameters.push_back({name, value});
  }
  return parameters;
}

absl::Status CheckLossSignature(const torch::jit::Module& module) {
  const c10::TypePtr pair = c10::TupleType::create({c10::TensorType::get(), c10::TensorType::get()});
  return CheckSignature(module, "loss", pair, "loss(self, batch: Tuple[Tensor, Tensor]): inputs and targets as a pair");
}

absl::Status CheckForwardSignature(const torch::jit::Module& module) {
  return CheckSignature(module, "forward", c10::TensorType::get(),
                        "forward(self, inputs: Tensor): put what else it needs into that tensor, or into buffers");
}

std::string CauseOf(const std::exception& error) {
  std::string text = error.what();
  if (const auto* torch_error = dynamic_cast<const c10::Error*>(&error)) text = torch_error->what_without_backtrace();
  const size_t stack = text.find("\nException raised from");
  if (stack != std::string::npos) text.resize(stack);
  // "RuntimeError: ...", or what the module itself raises: "builtins.ValueError: ...".
  static const std::regex kCause(R"((?:^|\n)[\w.]*(?:Error|Exception): )");
  size_t begin = 0;
  for (auto it = std::sregex_iterator(text.begin(), text.end(), kCause); it != std::sregex_iterator(); ++it) {
    begin = static_cast<size_t>(it->position() + it->length());
  }
  begin = std::min(text.find_first_not_of('\n', begin), text.size());
  return text.substr(begin, text.find('\n', begin) - begin);
}

void Module::Impl::Refresh() {
  if (device.is_cpu()) return;
  const torch::NoGradGuard no_grad;
  const auto count = static_cast<int64_t>(source.size());
  flat.copy_(torch::from_blob(const_cast<float*>(source.data()), {count}, torch::kFloat32));
}

OwnStorages::OwnStorages(std::vector<torch::Tensor>* parameters) : parameters_(parameters) {
  for (torch::Tensor& parameter : *parameters_) {
    views_.push_back(parameter.variable_data());
    parameter.set_data(parameter.detach().clone());
  }
}

OwnStorages::~OwnStorages() {
  for (size_t i = 0; i < views_.size(); ++i) (*parameters_)[i].set_data(views_[i]);
}

Module::Module(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Module::~Module() = default;

bool Module::IsOnCpu() const { return impl_->device.is_cpu(); }
bool Module::HasForward() const { return impl_->module.find_method("forward").has_value(); }

absl::StatusOr<std::unique_ptr<Module>> Module::Load(const std::string& bytes, std::span<const TensorShape> tensors,
                                                     std::span<float> parameters, const ModuleOptions& options) {
  return CatchTorch("model.pt cannot be loaded", [&]() -> absl::StatusOr<std::unique_ptr<Module>> {
    auto impl = std::make_unique<Impl>();
    ASSIGN_OR_RETURN(impl->device, DeviceOf(options.device));
    std::istringstream stream(bytes);
    impl->module = torch::jit::load(stream, impl->device);
    ASSIGN_OR_RETURN(impl->loss, LossOf(impl->module, options.loss));
    impl->evaluation_pass = options.EvaluationPass();
    const bool is_whole = options.micro_batch == 0 && impl->loss == kOwnLoss;
    impl->gradient_pass = is_whole ? std::numeric_limits<size_t>::max() : impl->evaluation_pass;
    ASSIGN_OR_RETURN(impl->parameters, InOrder(impl->module, tensors));
    for (const TensorShape& tensor : tensors) impl->names.push_back(tensor.name);
    const auto count = static_cast<int64_t>(parameters.size());
    impl->source = parameters;
    impl->flat = torch::from_blob(parameters.data(), {count}, torch::kFloat32);
    if (!impl->device.is_cpu()) impl->flat = impl->flat.to(impl->device);
    impl->flat_gradient = torch::zeros({count}, torch::TensorOptions(torch::kFloat32).device(impl->device));
    Bind(&impl->parameters, impl->flat, impl->flat_gradient);
    return std::unique_ptr<Module>(new Module(std::move(impl)));
  });
}

}  // namespace signvote
