// A sketch encoder that tfsbir exported for LiteRT, on iOS. See examples/README.md.
//
// Not compiled and not run by this project's tests; written after the documentation of TensorFlowLiteSwift, which is
// LiteRT's library for Swift (https://ai.google.dev/edge/litert/ios/quickstart).
//
// In the Podfile:      use_frameworks!; pod 'TensorFlowLiteSwift'
// In the app's bundle: the folders `model` (sketch_encoder.tflite, preprocessing.json, encoder.json, from
//                      `python -m export.litert`) and `gallery` (embeddings.bin, names.json, from
//                      `python -m export.page`), as folder references.

import CoreGraphics
import Foundation
import TensorFlowLite

struct SketchError: Error, CustomStringConvertible {
  let description: String
}

/// Turns drawings into embeddings. Not for several threads at once.
final class SketchEncoder {
  /// Side of the model's input, and of the canvas that it is cut out of, in px.
  let imageSize: Int
  let canvasSize: Int
  let embeddingDim: Int
  /// Identity of the trained encoder; a gallery has that of its own.
  let fingerprint: String
  /// Width of lines in the pictures that it was trained on, in px of the canvas.
  let lineWidth: CGFloat

  private let interpreter: Interpreter

  init(folder: URL) throws {
    let preprocessing = try decode(Preprocessing.self, folder.appendingPathComponent("preprocessing.json"))
    let encoder = try decode(EncoderFile.self, folder.appendingPathComponent("encoder.json"))
    let details = encoder.models?[modelFile]
    try require(encoder.kind == "litert", "`kind` in encoder.json must be litert. Received: \(encoder.kind)")
    let interface = details?.interface ?? "float32"
    try require(interface == "float32", "`interface` in encoder.json must be float32. Received: \(interface)")
    let place = details?.preprocessing ?? "outside"
    try require(place == "outside", "`preprocessing` in encoder.json must be outside. Received: \(place)")
    try require(preprocessing.polarity == "black_on_white", "`polarity` must be black_on_white")
    imageSize = preprocessing.image_size
    canvasSize = preprocessing.canvas_size
    embeddingDim = preprocessing.embedding_dim
    fingerprint = encoder.fingerprint
    lineWidth = CGFloat(details?.line_width ?? Double(preprocessing.canvas_size) / 128)

    var options = Interpreter.Options()
    options.threadCount = 2
    interpreter = try Interpreter(modelPath: folder.appendingPathComponent(modelFile).path, options: options)
    try interpreter.allocateTensors()
    let image = try interpreter.input(at: 0)
    try require(
      image.dataType == .float32 && image.shape.dimensions == [1, imageSize, imageSize, 1],
      "the model must take float32 [1, \(imageSize), \(imageSize), 1]. "
        + "Received: \(image.dataType) \(image.shape.dimensions)")
  }

  /// Draws strokes, in any unit and place, as the training sketches are drawn: fitted, centred, black on white.
  ///
  /// - Parameter strokes: In drawing order; x to the right, y down, as in UIKit.
  /// - Returns: `canvasSize * canvasSize` greys, row by row from the top; 0 is ink, 255 is paper.
  func draw(_ strokes: [[CGPoint]]) throws -> [UInt8] {
    try greys { context in
      let points = strokes.joined()
      guard let first = points.first else { return }
      let box = points.reduce(CGRect(origin: first, size: .zero)) {
        $0.union(CGRect(origin: $1, size: .zero))
      }
      let side = CGFloat(canvasSize)
      let extent = max(box.width, box.height)
      let scale = side * 7 / 8 / (extent > 0 ? extent : 1)
      // Core Graphics counts y from the bottom.
      let place = { (point: CGPoint) in
        CGPoint(x: (point.x - box.midX) * scale + side / 2, y: side / 2 - (point.y - box.midY) * scale)
      }
      context.setStrokeColor(gray: 0, alpha: 1)
      context.setLineWidth(lineWidth)
      context.setLineCap(.round)
      context.setLineJoin(.round)
      for stroke in strokes where !stroke.isEmpty {
        context.move(to: place(stroke[0]))
        // A stroke of one point is a dot.
        for point in stroke.count > 1 ? stroke[1...] : stroke[...] {
          context.addLine(to: place(point))
        }
        context.strokePath()
      }
    }
  }

  /// Puts a picture of a sketch, black on white, on the canvas: its longer side fitted, centred.
  func read(_ picture: CGImage) throws -> [UInt8] {
    try greys { context in
      let side = CGFloat(canvasSize)
      let scale = side / CGFloat(max(picture.width, picture.height))
      let (width, height) = (CGFloat(picture.width) * scale, CGFloat(picture.height) * scale)
      context.interpolationQuality = .high
      context.draw(
        picture, in: CGRect(x: (side - width) / 2, y: (side - height) / 2, width: width, height: height))
    }
  }

  /// Encodes what `draw` or `read` returned.
  ///
  /// - Returns: The embedding, `embeddingDim` values.
  func encode(_ greys: [UInt8]) throws -> [Float] {
    try require(
      greys.count == canvasSize * canvasSize,
      "`greys` must be \(canvasSize * canvasSize). Received: \(greys.count)")
    let offset = (canvasSize - imageSize) / 2
    var image = [Float]()
    image.reserveCapacity(imageSize * imageSize)
    for row in offset..<(offset + imageSize) {
      for column in offset..<(offset + imageSize) {
        image.append(Float(greys[row * canvasSize + column]) / 127.5 - 1)
      }
    }
    try interpreter.copy(image.withUnsafeBufferPointer { Data(buffer: $0) }, toInputAt: 0)
    try interpreter.invoke()
    let embedding = floats(try interpreter.output(at: 0).data)
    try require(
      embedding.count == embeddingDim,
      "the model must give \(embeddingDim) values, as preprocessing.json says. Received: \(embedding.count)")
    return embedding
  }

  private func greys(_ paint: (CGContext) -> Void) throws -> [UInt8] {
    var greys = [UInt8](repeating: 255, count: canvasSize * canvasSize)
    let isMade = greys.withUnsafeMutableBytes { bytes -> Bool in
      guard
        let context = CGContext(
          data: bytes.baseAddress, width: canvasSize, height: canvasSize, bitsPerComponent: 8,
          bytesPerRow: canvasSize, space: CGColorSpaceCreateDeviceGray(),
          bitmapInfo: CGImageAlphaInfo.none.rawValue)
      else { return false }
      paint(context)
      return true
    }
    try require(isMade, "a canvas of \(canvasSize) px cannot be made")
    return greys
  }
}

/// The photos that a sketch can find: their embeddings and names.
final class PhotoGallery {
  let names: [String]
  private let dim: Int
  private let embeddings: [Float]

  init(folder: URL, encoder: SketchEncoder) throws {
    let record = try decode(GalleryFile.self, folder.appendingPathComponent("names.json"))
    try require(
      record.fingerprint == encoder.fingerprint && record.dim == encoder.embeddingDim,
      "the gallery must be made by the encoder of this app, \(encoder.fingerprint)")
    names = record.names
    dim = record.dim
    embeddings = floats(try Data(contentsOf: folder.appendingPathComponent("embeddings.bin")))
    try require(
      embeddings.count == dim * names.count,
      "embeddings.bin must have \(dim * names.count) values. Received: \(embeddings.count)")
  }

  /// Returns the nearest photos by squared Euclidean distance; of equal ones the lower index comes first.
  func nearest(to embedding: [Float], count: Int) throws -> [(index: Int, distance: Float)] {
    try require(embedding.count == dim, "`embedding` must have \(dim) values. Received: \(embedding.count)")
    let ranked = names.indices.map { photo -> (index: Int, distance: Float) in
      var sum = 0.0
      for i in 0..<dim {
        let difference = Double(embeddings[photo * dim + i]) - Double(embedding[i])
        sum += difference * difference
      }
      return (photo, Float(sum))
    }
    return Array(ranked.sorted { ($0.distance, $0.index) < ($1.distance, $1.index) }.prefix(count))
  }
}

private let modelFile = "sketch_encoder.tflite"

// The names are those of the files.
private struct Preprocessing: Decodable {
  let image_size: Int
  let canvas_size: Int
  let embedding_dim: Int
  let polarity: String
}

private struct EncoderFile: Decodable {
  struct Details: Decodable {
    let interface: String?
    let preprocessing: String?
    let line_width: Double?
  }

  let fingerprint: String
  let kind: String
  let models: [String: Details]?
}

private struct GalleryFile: Decodable {
  let fingerprint: String
  let dim: Int
  let names: [String]
}

private func decode<Value: Decodable>(_ type: Value.Type, _ url: URL) throws -> Value {
  try JSONDecoder().decode(type, from: Data(contentsOf: url))
}

/// Every iPhone keeps the least byte of a number first, as the files do.
private func floats(_ data: Data) -> [Float] {
  var values = [Float](repeating: 0, count: data.count / MemoryLayout<Float>.stride)
  _ = values.withUnsafeMutableBytes { data.copyBytes(to: $0) }
  return values
}

private func require(_ isFit: Bool, _ message: String) throws {
  if !isFit { throw SketchError(description: message) }
}
